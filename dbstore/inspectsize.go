package dbstore

import (
	"fmt"
	"strconv"
	"time"

	"github.com/larder-go/larder/store"
)

// number is -1 for what the server does not tell.
func (a *answers) number(column int) int64 {
	n, err := strconv.ParseInt(a.text[column], 10, 64)
	if err != nil || !a.told[column] {
		return -1
	}
	return n
}

// From here on dead rows are worth a warning: fewer come and go between two vacuums.
const (
	manyDead  = 10_000
	vacuumDue = time.Hour // nothing was vacuumed for so long
)

// vacuum tells whether what updates and removals leave behind is swept by the server.
func (a *answers) vacuum() store.Fact {
	f := store.Fact{Name: "autovacuum", Value: "on"}
	dead, live, vacuumed := a.number(askedDead), a.number(askedLive), a.number(askedVacuumed)
	if dead >= 0 {
		f.Value = fmt.Sprintf("on; %d live rows, %d dead", live, dead)
	}
	off := a.text[askedAutovacuum] == "off" || a.text[askedTableVacuum] == "off"
	if off {
		f.Value = "off" + f.Value[len("on"):]
	}
	switch {
	case off:
		f.Warn = "the table grows with every write unless somebody vacuums it: turn autovacuum on"
	case dead < manyDead || dead < live || a.number(askedVacuuming) > 0:
	case vacuumed < 0:
		f.Warn = "the table was never vacuumed, though most of it is dead rows: if they do not go within minutes, look for a transaction that " +
			"stays open for hours (pg_stat_activity.xact_start), and give autovacuum more workers; VACUUM does it by hand"
	case time.Duration(vacuumed)*time.Second > vacuumDue:
		f.Warn = fmt.Sprintf("most of the table is dead rows, and the last vacuum was %v ago: look for a transaction that stays open for hours "+
			"(pg_stat_activity.xact_start), and give autovacuum more workers; VACUUM does it by hand", time.Duration(vacuumed)*time.Second)
	}
	return f
}

const (
	manyFree  = 64 << 20 // bytes that are worth the trouble to get back
	bloated   = 4        // times what the rows need
	rowHead   = 40       // what a row takes beside its columns, and
	indexHead = 24       // what an index takes for it beside its column, in pages that are two thirds full
)

// size tells what the table and its indexes take. Neither shrinks by a vacuum: what a cleanup that came late has removed is room for new rows, but
// is read, kept in memory and copied by backups all the same. What the rows need is estimated from the server's statistics.
func (a *answers) size() store.Fact {
	heap, indexes, live := a.number(askedHeap), a.number(askedIndexSize), a.number(askedLive)
	if heap < 0 || indexes < 0 {
		return store.Fact{Name: "size", Value: "unknown", Warn: "the server does not tell how large the table is"}
	}
	f := store.Fact{Name: "size", Value: fmt.Sprintf("table %d MiB, indexes %d MiB", heap>>20, indexes>>20)}
	row, key := a.number(askedRowWidth), a.number(askedKeyWidth)
	if live < 0 || row < 0 || key < 0 {
		return f // never analysed
	}
	needs := live * (row + rowHead)
	indexNeeds := live * (key + 2*8 + 3*indexHead) * 3 / 2
	switch {
	case indexes > manyFree && indexes > bloated*indexNeeds:
		f.Warn = fmt.Sprintf("its rows need indexes of some %d MiB: REINDEX TABLE CONCURRENTLY makes them anew, while the table is in use", indexNeeds>>20)
	case heap > manyFree && heap > bloated*needs:
		f.Warn = fmt.Sprintf("its rows need some %d MiB, the rest is free space that never goes by itself: pg_repack gives it back while the table is in use, "+
			"VACUUM FULL locks everybody out meanwhile", needs>>20)
	}
	return f
}
