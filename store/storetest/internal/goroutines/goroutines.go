// Package goroutines counts goroutines by a label, which they inherit from those that start them: others do not count. It is apart from
// package cases since runtime/pprof weighs a quarter of a megabyte, which the larder command need not carry.
package goroutines

import (
	"bytes"
	"context"
	"crypto/rand"
	"runtime/pprof"
	"strconv"
	"strings"
)

// Count calls do under a label of its own. count returns how many goroutines have it.
func Count(ctx context.Context, do func(ctx context.Context, count func() int)) {
	label := rand.Text()
	pprof.Do(ctx, pprof.Labels("larder", label), func(ctx context.Context) {
		do(ctx, func() int {
			var b bytes.Buffer
			pprof.Lookup("goroutine").WriteTo(&b, 1)
			n := 0
			for group := range strings.SplitSeq(b.String(), "\n\n") {
				if i := strings.Index(group, " @ "); i > 0 && strings.Contains(group, label) { // "3 @ 0x4711 ...": how many, and where
					k, _ := strconv.Atoi(group[strings.LastIndexByte(group[:i], '\n')+1 : i])
					n += k
				}
			}
			return n
		})
	})
}
