package chart

import "sort"

// ordered draws the values of all rows in order, highest first: what is after as a filled shape, what was before and the marks as lines.
func (p *BarPlot) ordered(c *canvas, top tenths) tenths {
	var before, after, mark []int64
	for _, r := range p.Rows {
		before, after, mark = append(before, r.Before), append(after, r.After), append(mark, r.Mark)
	}
	for _, values := range [][]int64{before, after, mark} {
		sort.Sort(highestFirst(values))
	}
	f := frame{top: top, low: 0, high: p.most(), format: p.Format, binary: p.Binary, count: len(p.Rows), first: 1}
	f.draw(c)
	c.put(`<path class="area" d="M`, f.left, " ", f.bottom, "V", f.y(after[0]), f.steps(after), "V", f.bottom, "Z\"/>\n")
	c.put(`<path class="was" d="M`, f.left, " ", f.y(before[0]), f.steps(before), "\"/>\n")
	if p.Mark != "" {
		c.put(`<path class="mark" d="M`, f.left, " ", f.y(mark[0]), f.steps(mark), "\"/>\n")
	}
	c.text((f.left+f.right)/2, f.bottom+360, "soft", "middle", "all, the highest first")
	return f.bottom + 360 + margin
}

// steps is a path with one step for each value that differs from the one before.
func (f *frame) steps(values []int64) string {
	var c canvas
	last := tenths(0)
	for i, v := range values {
		y := f.y(v)
		if i == 0 || y != last {
			c.put("H", f.left+tenths(i)*(f.right-f.left)/tenths(len(values)), "V", y)
			last = y
		}
	}
	c.put("H", f.right)
	return string(c.buf)
}

// highestFirst sorts itself: what package slices has for that would be twelve kilobytes, for this type alone.
type highestFirst []int64

func (v highestFirst) Len() int           { return len(v) }
func (v highestFirst) Less(i, j int) bool { return v[i] > v[j] }
func (v highestFirst) Swap(i, j int)      { v[i], v[j] = v[j], v[i] }
