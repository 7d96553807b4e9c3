package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"time"
)

// checkpoint is what the target keeps of a copy that is not through, as JSON under a reserved key.
type checkpoint struct {
	Format    int       `json:"format"`
	Prefix    string    `json:"prefix"`
	Overwrite string    `json:"overwrite"`
	Since     time.Time `json:"since"` // when the first run began: what came to the source since may stand in front of After
	Sum       string    `json:"sum"`   // of the items up to After, for PutItems
	tally
}

// tally is how far a copy has come.
type tally struct {
	After   string `json:"after"`   // of the order of the source
	Witness string `json:"witness"` // a key that the target must have, or else it is not the target that it was
	Copied  int    `json:"copied"`
	Late    int    `json:"late"`
	Kept    int    `json:"kept"`
	Gone    int    `json:"gone"`
	Corrupt int    `json:"corrupt"`
	Failed  int    `json:"failed"`
	Bytes   int64  `json:"bytes"`
}

const (
	checkpointFormat = 2 // 1 did not tell Since and Sum: what it was of begins anew
	checkpointLife   = 7 * 24 * time.Hour
	checkpointEvery  = time.Second

	// At most so many entries are lost with a process, or one in so many of those that it had dealt with: each checkpoint costs the target one
	// writing more.
	checkpointEntries = 100
	checkpointShare   = 200

	// lastWords is how long a copy that was called off may take to leave its checkpoint.
	lastWords = time.Second
)

// savedState is what the target has been told.
type savedState struct {
	on   bool      // there are checkpoints
	at   time.Time // of the last
	n    int       // entries by then
	last tally     // as it was then
}

func checkpointKey(name string) string { return ReservedKey("copy:" + name) }

// refuseSame writes an entry of its own into the target and looks whether the source has it.
func (c *copier) refuseSame() error {
	if c.o.DryRun || !c.dst.swaps || !c.src.peeks {
		return nil
	}
	key := ReservedKey("copy-probe:" + rand.Text())
	var version Version
	err := c.patience.do(c.ctx, func() (err error) {
		version, err = Swap(c.ctx, c.dst.s, key, AnyVersion, &Item{Expires: time.Now().Add(time.Minute)})
		return err
	})
	if err != nil {
		return err
	}
	var found *Item
	err = c.patience.do(c.ctx, func() (err error) {
		found, err = Peek(c.ctx, c.src.s, key)
		return err
	})
	if deleteErr := c.dst.s.Delete(c.ctx, key); deleteErr != nil {
		return deleteErr
	}
	switch {
	case err == nil && found.Version == version:
		return Wrap("store", "copy", ErrSameStore)
	case err != nil && err != ErrNotFound:
		return err
	}
	return nil
}

// resume goes on from the checkpoint, if there is one that fits.
func (c *copier) resume() error {
	if c.src != nil && !c.src.resumes || c.o.Checkpoint == "" || c.o.DryRun || !c.dst.swaps {
		return nil
	}
	key := checkpointKey(c.o.Checkpoint)
	if err := CheckKey(key); err != nil {
		return Wrap("store", "copy", err)
	}
	c.saved = savedState{on: true, at: time.Now()}
	var item *Item
	err := c.patience.do(c.ctx, func() (err error) {
		item, err = Peek(c.ctx, c.dst.s, key)
		return err
	})
	if err == ErrNotFound || errors.Is(err, ErrCorrupt) {
		return nil
	} else if err != nil {
		return err
	}
	var p checkpoint
	if json.Unmarshal(item.Value, &p) != nil || p.Format != checkpointFormat || p.Prefix != c.o.Prefix || p.Overwrite != c.o.Overwrite.String() {
		return nil
	}
	sum, err := hex.DecodeString(p.Sum)
	if err != nil || len(sum) != len(c.sum) || p.Since.IsZero() {
		return nil
	}
	if lost, err := c.lost(p.Witness); lost || err != nil {
		return err
	}
	c.settled, c.position, c.since, c.sum = p.tally, p.After, p.Since, copySum(sum)
	c.report = CopyReport{Copied: p.Copied, Late: p.Late, Kept: p.Kept, Gone: p.Gone, Corrupt: p.Corrupt, Failed: p.Failed, Bytes: p.Bytes, Since: p.Since}
	c.n = c.report.Done()
	c.report.Resumed = c.n
	c.saved.n, c.saved.last = c.n, c.settled
	return nil
}

// anew forgets the checkpoint, as it was of something else.
func (c *copier) anew() error {
	c.settled, c.position, c.since, c.sum, c.report, c.n = tally{}, "", c.begun, copySum{}, CopyReport{}, 0
	c.saved.n, c.saved.last = 0, tally{}
	return c.patience.do(c.ctx, func() error { return c.dst.s.Delete(c.ctx, checkpointKey(c.o.Checkpoint)) })
}

// lost reports that the target does not have an entry any more that the copy has seen there, although the source has: somebody has emptied
// it, and the copy must begin anew.
func (c *copier) lost(witness string) (lost bool, err error) {
	if witness == "" {
		return false, nil
	}
	err = c.patience.do(c.ctx, func() error {
		there, err := c.dst.s.Contains(c.ctx, witness)
		if err == nil && !there && c.src == nil {
			lost = true
		} else if err == nil && !there {
			lost, err = c.src.s.Contains(c.ctx, witness)
		}
		return err
	})
	if errors.Is(err, ErrCorrupt) {
		err = nil
	}
	return lost, err
}

// settle notes that all entries up to this one are dealt with, and now and then has the target know it.
func (c *copier) settle(r copyResult) {
	if !c.saved.on || c.stopped != nil || c.holed || c.src != nil && r.key == "" { // what tells no key comes again behind the key before it
		return
	}
	s := &c.settled
	s.Copied, s.Kept, s.Gone, s.Corrupt, s.Failed, s.Bytes = c.report.Copied, c.report.Kept, c.report.Gone, c.report.Corrupt, c.report.Failed, c.report.Bytes
	c.position = r.key
	if c.src == nil {
		c.position = strconv.Itoa(c.n)
		c.sum = c.sum.then(r.sum)
	}
	s.After = c.position
	if r.outcome == isCopied || r.outcome == isKept {
		s.Witness = r.key
	}
	if c.n-c.saved.n >= max(checkpointEntries, c.n/checkpointShare) {
		c.save(c.ctx)
	}
}

// due saves what stands for long enough.
func (c *copier) due() {
	if c.saved.on && c.stopped == nil && time.Since(c.saved.at) > checkpointEvery {
		c.save(c.ctx)
	}
}

// save writes the checkpoint. Where that fails, the copy goes on: there will be another one, and whoever needs the target finds out anyway.
func (c *copier) save(ctx context.Context) {
	if c.settled == c.saved.last {
		return
	}
	c.saved.at, c.saved.n = time.Now(), c.n
	value, err := json.Marshal(checkpoint{checkpointFormat, c.o.Prefix, c.o.Overwrite.String(), c.since, hex.EncodeToString(c.sum[:]), c.settled})
	if err != nil {
		return
	}
	_, err = Swap(ctx, c.dst.s, checkpointKey(c.o.Checkpoint), AnyVersion, &Item{Value: value, Expires: time.Now().Add(checkpointLife)})
	if err == nil {
		c.saved.last = c.settled
	}
}

// leave removes the checkpoint of a copy that is through, and saves that of one which is not, also after its context has ended.
func (c *copier) leave(through bool) error {
	if !c.saved.on {
		return nil
	}
	if through {
		return c.patience.do(c.ctx, func() error { return c.dst.s.Delete(c.ctx, checkpointKey(c.o.Checkpoint)) })
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.parent), lastWords)
	defer cancel()
	c.save(ctx)
	return nil
}
