package chart

// frame is the field that lines are drawn in: its axes, and where a value goes.
type frame struct {
	top              tenths
	low, high        int64
	format           func(int64) string
	binary           bool
	first            int // what the first value's place is called on the x axis
	count            int // how many values there are
	left, right      tenths
	bottom           tenths
	vertical, across scale
}

const fieldHeight tenths = 2500

// draw draws the grid with its numbers.
func (f *frame) draw(c *canvas) {
	f.vertical = newScale(f.low, f.high, 5, fieldHeight, f.binary)
	label := tenths(0)
	for v := f.vertical.low; v <= f.vertical.high; v += f.vertical.step {
		label = max(label, wide(f.format(v), 130))
	}
	f.top += 60
	f.left, f.right, f.bottom = margin+label+60, width-margin-80, f.top+fieldHeight
	for v := f.vertical.low; v <= f.vertical.high; v += f.vertical.step {
		c.line("grid", f.left, f.y(v), f.right, f.y(v))
		c.text(f.left-60, f.y(v)+45, "soft", "end", f.format(v))
	}
	last := int64(max(f.count-1, 1))
	f.across = newScale(0, last, 6, f.right-f.left, false)
	step := f.across.step
	f.across.high = last // the last value stands at the right end
	for v := (int64(f.first)+step-1)/step*step - int64(f.first); v <= last; v += step {
		c.line("grid", f.x(v), f.bottom, f.x(v), f.bottom+40)
		c.text(f.x(v), f.bottom+180, "soft", "middle", Thousands(v+int64(f.first)))
	}
}

func (f *frame) x(i int64) tenths     { return f.left + f.across.at(i) }
func (f *frame) y(value int64) tenths { return f.bottom - f.vertical.at(value) }

// entry is one word of a legend: what is drawn, and the class that it is drawn in.
type entry struct{ text, class string }

// legend writes the entries in as many lines as they need, and returns where the picture goes on.
func legend(c *canvas, top tenths, entries []entry) tenths {
	const sample = tenths(260)
	x, y := margin, top+170
	for _, e := range entries {
		length := sample + 70 + wide(e.text, 140) + 160
		if x > margin && x+length-160 > width-margin {
			x, y = margin, y+210
		}
		switch e.class {
		case "before", "after", "area":
			c.rect(e.class, x, y-105, sample, 110)
		case "mark": // upright, as in the picture
			c.line(e.class, x+sample/2, y-120, x+sample/2, y+20)
		case "across":
			c.line("mark", x, y-50, x+sample, y-50)
		default:
			c.line(e.class, x, y-50, x+sample, y-50)
			dot(c, e.class, x+sample/2, y-50)
		}
		c.text(x+sample+70, y, "", "start", e.text)
		x += length
	}
	return y + 100
}

// dot marks a place of a line. Each class has a shape of its own.
func dot(c *canvas, class string, x, y tenths) {
	const r = 38
	switch class {
	case "s0":
		c.put(`<circle class="dot s0" cx="`, x, `" cy="`, y, `" r="`, tenths(r), "\"/>\n")
	case "s1":
		c.rect("dot s1", x-r+4, y-r+4, 2*r-8, 2*r-8)
	case "s2":
		c.put(`<path class="dot s2" d="M`, x, " ", y-r-6, "L", x+r+4, " ", y+r-6, "H", x-r-4, "Z\"/>\n")
	case "s3":
		c.put(`<path class="dot s3" d="M`, x, " ", y-r-8, "L", x+r+8, " ", y, "L", x, " ", y+r+8, "L", x-r-8, " ", y, "Z\"/>\n")
	}
}
