package admin

import "time"

// bucket counts the entries that were not used for less than Under, and at least for the Under of the bucket before. They are those of larder stat.
type bucket struct {
	Under   *float64 `json:"under"` // seconds; null: the last, which has no end
	Entries int      `json:"entries"`
	Bytes   int64    `json:"bytes"`
}

const buckets = 8

// edge is the upper end of bucket i, and how the page calls it.
func edge(i int) (time.Duration, string) {
	const day = 24 * time.Hour
	switch i {
	case 0:
		return time.Minute, "under 1 min"
	case 1:
		return 10 * time.Minute, "under 10 min"
	case 2:
		return time.Hour, "under 1 hour"
	case 3:
		return 6 * time.Hour, "under 6 hours"
	case 4:
		return day, "under 1 day"
	case 5:
		return 7 * day, "under 7 days"
	case 6:
		return 30 * day, "under 30 days"
	}
	return 0, "longer"
}

func newBuckets() []bucket {
	all := make([]bucket, buckets)
	for i := range buckets - 1 {
		under, _ := edge(i)
		seconds := under.Seconds()
		all[i].Under = &seconds
	}
	return all
}

// add counts an entry. One whose atime lies ahead of this clock counts as just used.
func add(all []bucket, idle time.Duration, size int64) {
	i := 0
	for i < len(all)-1 {
		if under, _ := edge(i); idle < under {
			break
		}
		i++
	}
	all[i].Entries++
	all[i].Bytes += size
}
