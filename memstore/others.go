package memstore

import (
	"sync"
	"sync/atomic"
)

// mostOthers bounds the memory that names of others take; each has 250 bytes at most.
const mostOthers = 1000

// others are names under which something stands that is not this store's: another's record, or none at all. A read of one is neither a use, which
// would change how long its owner has it, nor a reason to suspect the connection again. A store that meets more of them than it may remember
// forgets any one, and takes it for new when it is met again.
type others struct {
	count atomic.Int32
	mu    sync.Mutex
	names map[string]struct{}
}

func (o *others) has(name string) bool {
	if o.count.Load() == 0 {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_, there := o.names[name]
	return there
}

func (o *others) add(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.names == nil {
		o.names = make(map[string]struct{})
	}
	for one := range o.names {
		if len(o.names) < mostOthers {
			break
		}
		delete(o.names, one)
	}
	o.names[name] = struct{}{}
	o.count.Store(int32(len(o.names)))
}

func (o *others) remove(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.names, name)
	o.count.Store(int32(len(o.names)))
}
