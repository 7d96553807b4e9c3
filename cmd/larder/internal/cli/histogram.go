package cli

import (
	"fmt"
	"strings"
	"time"
)

// idleBucket counts the entries that were not used for less than Under, and at least for the Under of the bucket before.
type idleBucket struct {
	Under   *float64 `json:"under"` // seconds; null: the last bucket, which has no end
	Entries int      `json:"entries"`
	Bytes   int64    `json:"bytes"`
}

// idleEdge returns the upper end of bucket i. They are those at which people set time-outs.
func idleEdge(i int) (time.Duration, string) {
	switch i {
	case 0:
		return time.Minute, "1 minute"
	case 1:
		return 10 * time.Minute, "10 minutes"
	case 2:
		return time.Hour, "1 hour"
	case 3:
		return 6 * time.Hour, "6 hours"
	case 4:
		return 24 * time.Hour, "1 day"
	case 5:
		return 7 * 24 * time.Hour, "7 days"
	case 6:
		return 30 * 24 * time.Hour, "30 days"
	}
	return 0, ""
}

const idleBuckets = 8

func newHistogram() []idleBucket {
	buckets := make([]idleBucket, idleBuckets)
	for i := range idleBuckets - 1 {
		edge, _ := idleEdge(i)
		seconds := edge.Seconds()
		buckets[i].Under = &seconds
	}
	return buckets
}

// addIdle counts an entry. One whose atime lies ahead of this clock counts as just used.
func addIdle(buckets []idleBucket, idle time.Duration, size int64) {
	i := 0
	for i < len(buckets)-1 && idle.Seconds() >= *buckets[i].Under {
		i++
	}
	buckets[i].Entries++
	buckets[i].Bytes += size
}

// barWidth is the length of the longest bar: a line stays within 80 columns.
const barWidth = 30

func histogramText(buckets []idleBucket) string {
	most, width := 1, len("entries")
	for _, b := range buckets {
		most = max(most, b.Entries)
		width = max(width, len(thousands(b.Entries)))
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%-17s %*s\n", "not used for", width, "entries")
	for i, b := range buckets {
		label := "longer"
		if _, edge := idleEdge(i); edge != "" {
			label = "under " + edge
		}
		bar := strings.Repeat("█", (b.Entries*barWidth+most-1)/most) // what is there at all is seen
		line := fmt.Sprintf("%-17s %*s  %s", label, width, thousands(b.Entries), bar)
		text.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return text.String()
}
