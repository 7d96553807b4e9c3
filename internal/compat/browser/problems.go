package browser

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
)

// problems is what the browser complained of, which a good page gives no reason for.
type problems struct {
	mu  sync.Mutex
	all []string
}

func (p *problems) see(ev any) {
	var line string
	switch ev := ev.(type) {
	case *log.EventEntryAdded:
		line = fmt.Sprintf("%s: %s: %s", ev.Entry.Source, ev.Entry.Level, ev.Entry.Text)
	case *audits.EventIssueAdded:
		details, _ := json.Marshal(ev.Issue)
		line = fmt.Sprintf("issue: %s", details)
	case *runtime.EventExceptionThrown:
		line = "exception: " + ev.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		line = fmt.Sprintf("console: %s", ev.Type)
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, line)
}

// Problems are the complaints of the browser since the last call: refused by the content security policy, failed loads, exceptions.
func (tab *Tab) Problems() []string {
	tab.problems.mu.Lock()
	defer tab.problems.mu.Unlock()
	all := slices.Clone(tab.problems.all)
	tab.problems.all = nil
	return all
}
