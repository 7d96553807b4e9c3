// Package idle counts entries by how long they were not used, in the buckets that larder stat and package admin show.
package idle

import "time"

// Bucket counts the entries that were not used for less than Under, and at least for the Under of the bucket before.
type Bucket struct {
	Under   *float64 `json:"under"` // seconds; null: the last, which has no end
	Entries int      `json:"entries"`
	Bytes   int64    `json:"bytes"`
}

// New returns the empty buckets, the shortest time first. Their ends are those at which people set time-outs.
func New() []Bucket {
	const day = 24 * time.Hour
	var all []Bucket
	for _, end := range []time.Duration{time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, day, 7 * day, 30 * day} {
		seconds := end.Seconds()
		all = append(all, Bucket{Under: &seconds})
	}
	return append(all, Bucket{})
}

// Add counts an entry. One whose atime lies ahead of this clock counts as just used.
func Add(all []Bucket, idle time.Duration, size int64) {
	i := 0
	for i < len(all)-1 && idle.Seconds() >= *all[i].Under {
		i++
	}
	all[i].Entries++
	all[i].Bytes += size
}
