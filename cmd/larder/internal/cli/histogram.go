package cli

import (
	"fmt"
	"strings"

	"github.com/larder-go/larder/internal/idle"
)

// idleName is how far bucket i of package idle goes; "" is the last, which has no end.
func idleName(i int) string {
	names := [...]string{"1 minute", "10 minutes", "1 hour", "6 hours", "1 day", "7 days", "30 days", ""}
	return names[i]
}

// barWidth is the length of the longest bar: a line stays within 80 columns.
const barWidth = 30

func histogramText(buckets []idle.Bucket) string {
	most, width := 1, len("entries")
	for _, b := range buckets {
		most = max(most, b.Entries)
		width = max(width, len(thousands(b.Entries)))
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%-17s %*s\n", "not used for", width, "entries")
	for i, b := range buckets {
		label := "longer"
		if edge := idleName(i); edge != "" {
			label = "under " + edge
		}
		bar := strings.Repeat("█", (b.Entries*barWidth+most-1)/most) // what is there at all is seen
		line := fmt.Sprintf("%-17s %*s  %s", label, width, thousands(b.Entries), bar)
		text.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return text.String()
}
