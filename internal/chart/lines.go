package chart

import "io"

// Series is one line: a value for each event. Low, where there is one, is a second line of the same look: the least beside the most.
type Series struct {
	Name        string
	Values, Low []int64
	Plain       bool // a thin grey line, to compare the others with
}

// LinePlot is lines over a series of events. There are looks for four, besides the plain ones; a fifth looks as the first.
type LinePlot struct {
	Title, Caption string // the caption says what is counted, and may be empty
	X              string // what the x axis counts
	First          int    // the number of the first value on the x axis
	Series         []Series
	From           int64              // where the y axis begins, where no value is lower
	Format         func(int64) string // nil: Thousands
	Binary         bool               // the y axis has powers of two: for bytes
}

// Lines writes the plot as an SVG file.
func Lines(w io.Writer, p LinePlot) error {
	if p.Format == nil {
		p.Format = Thousands
	}
	return picture(w, p.Title, p.Caption, p.description(), func(c *canvas, top tenths) tenths {
		var entries []entry
		f := frame{low: p.From, high: p.From, format: p.Format, binary: p.Binary, first: p.First}
		looks := p.looks()
		for i, s := range p.Series {
			entries = append(entries, entry{s.Name, looks[i]})
			for _, values := range [][]int64{s.Values, s.Low} {
				f.count = max(f.count, len(values))
				for _, v := range values {
					f.low, f.high = min(f.low, v), max(f.high, v)
				}
			}
		}
		f.top = legend(c, top, entries)
		f.draw(c)
		for i, s := range p.Series {
			f.polyline(c, looks[i], i, s.Values)
			f.polyline(c, looks[i], i, s.Low)
		}
		bottom := f.bottom + 180
		if p.X != "" {
			bottom += 200
			c.text((f.left+f.right)/2, bottom, "soft", "middle", p.X)
		}
		return bottom + margin
	})
}

// looks are the classes of the lines.
func (p *LinePlot) looks() (classes []string) {
	coloured := 0
	for _, s := range p.Series {
		if s.Plain {
			classes = append(classes, "plain")
			continue
		}
		classes = append(classes, "s"+string(rune('0'+coloured%4)))
		coloured++
	}
	return classes
}

// polyline draws one line, and a mark here and there that tells whose it is: the i-th line's at other places than its neighbours'.
func (f *frame) polyline(c *canvas, class string, i int, values []int64) {
	if len(values) == 0 {
		return
	}
	c.put(`<path class="`, class, `" d="`)
	for at, v := range values {
		command := "L"
		if at == 0 {
			command = "M"
		}
		c.put(command, f.x(int64(at)), " ", f.y(v))
	}
	c.put("\"/>\n")
	every := max(len(values)/6, 1)
	for at := i * every / 4 % every; at < len(values); at += every {
		dot(c, class, f.x(int64(at)), f.y(values[at]))
	}
}

// description says of each line where it begins and ends, and between what it stays.
func (p *LinePlot) description() string {
	text := p.Caption
	for _, s := range p.Series {
		for i, values := range [][]int64{s.Values, s.Low} {
			if len(values) == 0 {
				continue
			}
			low, high := values[0], values[0]
			for _, v := range values {
				low, high = min(low, v), max(high, v)
			}
			name := s.Name
			if i > 0 {
				name += ", the lower line"
			}
			text += " " + name + ": from " + p.Format(values[0]) + " to " + p.Format(values[len(values)-1]) +
				", between " + p.Format(low) + " and " + p.Format(high) + "."
		}
	}
	return text
}
