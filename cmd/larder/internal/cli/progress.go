package cli

import (
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// What takes less than progressAfter shows no progress; after that the line is written anew every progressEvery.
const (
	progressAfter = time.Second
	progressEvery = 200 * time.Millisecond
	progressWidth = 79 // a longer line would wrap, and could not be wiped out
)

// progress is a line on the terminal that changes. nil is one that is not shown.
type progress struct {
	once       sync.Once
	quit, gone chan struct{}
}

// progress shows what text returns, called from another goroutine, until stop: on a terminal only.
func (a *app) progress(text func() string) *progress {
	if a.quiet || !a.tty(a.stderr) {
		return nil
	}
	return startProgress(func(s string) { fmt.Fprint(a.stderr, s) }, text)
}

func startProgress(write func(string), text func() string) *progress {
	p := &progress{quit: make(chan struct{}), gone: make(chan struct{})}
	go func() {
		defer close(p.gone)
		start := time.Now()
		timer := time.NewTimer(progressAfter)
		defer timer.Stop()
		width := 0
		for {
			select {
			case <-timer.C:
				line := fmt.Sprintf("%s (%s)", text(), age(time.Since(start)))
				if runes := []rune(line); len(runes) > progressWidth {
					line = string(runes[:progressWidth])
				}
				n := utf8.RuneCountInString(line)
				write("\r" + line + strings.Repeat(" ", max(width-n, 0)))
				width = n
				timer.Reset(progressEvery)
			case <-p.quit:
				if width > 0 {
					write("\r" + strings.Repeat(" ", width) + "\r")
				}
				return
			}
		}
	}()
	return p
}

// stop wipes the line out, so that what follows stands where it stood. It may be called twice.
func (p *progress) stop() {
	if p != nil {
		p.once.Do(func() { close(p.quit) })
		<-p.gone
	}
}
