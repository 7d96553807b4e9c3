package admin

import (
	"fmt"
	"math"
	"strings"

	"github.com/larder-go/larder/internal/idle"
	"github.com/larder-go/larder/internal/words"
)

// barWidth is how wide the picture of a bar is; the browser stretches it.
const barWidth = 100

// histogram is one row for each bucket: its name, a bar, its number. The bars are SVG, for the page's policy allows no style attributes.
func histogram(all []idle.Bucket) markup {
	most := 0
	for _, b := range all {
		most = max(most, b.Entries)
	}
	var rows markup
	for i, b := range all {
		label := bucketName(i)
		rows += fill(`<li><span class="label">{}</span><svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect width="{}" height="10"/></svg>`+
			`<span class="number">{}</span></li>
`, label, bar(b.Entries, most), words.Thousands(int64(b.Entries)))
	}
	return rows
}

// bar is how long the bar of n is where the longest is that of most. What is there at all is seen.
func bar(n, most int) string {
	if n == 0 || most == 0 {
		return "0"
	}
	return fmt.Sprintf("%.2f", max(1, barWidth*float64(n)/float64(most)))
}

// The sparkline's own measures; the browser stretches them.
const sparkHeight = 30

// spark is the line of the operations of the last minute, as the points of an SVG polyline.
func spark(series []int64) string {
	most := int64(1)
	for _, n := range series {
		most = max(most, n)
	}
	var b strings.Builder
	for i, n := range series {
		if i > 0 {
			b.WriteByte(' ')
		}
		y := sparkHeight - 1 - math.Round(float64(sparkHeight-2)*float64(n)/float64(most)*10)/10
		fmt.Fprintf(&b, "%d,%g", i, y)
	}
	return b.String()
}
