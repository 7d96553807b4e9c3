package chart

import "io"

// Bar is what one node has: before and after, and what it should have, where the plot's Mark says what that is.
type Bar struct {
	Label               string
	Before, After, Mark int64
}

// BarPlot is bars in pairs, a row for each label. From 61 rows on there is no room for labels: it draws all loads in order, the highest first, before and after.
type BarPlot struct {
	Title, Caption string // the caption says what a bar counts, and may be empty
	Before, After  string // what the two bars of a row are called; "" is "before" and "after"
	Mark           string // what the line across a row is called, such as "its share by weight"; "": no such line
	Rows           []Bar
	Format         func(int64) string // nil: Thousands
	Binary         bool               // the axis has powers of two: for bytes
}

// The numbers of rows up to which they are high, and up to which they have labels.
const (
	highRows = 16
	mostRows = 60
)

// Bars writes the plot as an SVG file.
func Bars(w io.Writer, p BarPlot) error {
	if p.Format == nil {
		p.Format = Thousands
	}
	if p.Before == "" {
		p.Before = "before"
	}
	if p.After == "" {
		p.After = "after"
	}
	return picture(w, p.Title, p.Caption, p.description(), func(c *canvas, top tenths) tenths {
		if len(p.Rows) > mostRows {
			return p.ordered(c, legend(c, top, p.entries("was", "area", "across")))
		}
		c.put(hatched)
		return p.rows(c, legend(c, top, p.entries("before", "after", "mark")))
	})
}

// entries is what the legend says, each in the class that it is drawn in.
func (p *BarPlot) entries(before, after, mark string) []entry {
	all := []entry{{p.Before, before}, {p.After, after}}
	if p.Mark != "" {
		all = append(all, entry{p.Mark, mark})
	}
	return all
}

func (p *BarPlot) most() (most int64) {
	for _, r := range p.Rows {
		most = max(most, r.Before, r.After)
		if p.Mark != "" {
			most = max(most, r.Mark)
		}
	}
	return most
}

// description has the numbers of the rows, as far as they are drawn one by one.
func (p *BarPlot) description() string {
	text := p.Caption
	if len(p.Rows) > mostRows {
		lowBefore, highBefore, lowAfter, highAfter := p.Rows[0].Before, int64(0), p.Rows[0].After, int64(0)
		for _, r := range p.Rows {
			lowBefore, highBefore = min(lowBefore, r.Before), max(highBefore, r.Before)
			lowAfter, highAfter = min(lowAfter, r.After), max(highAfter, r.After)
		}
		return text + " " + Thousands(int64(len(p.Rows))) + " rows; " + p.Before + ": from " + p.Format(lowBefore) + " to " + p.Format(highBefore) +
			"; " + p.After + ": from " + p.Format(lowAfter) + " to " + p.Format(highAfter) + "."
	}
	for _, r := range p.Rows {
		text += " " + r.Label + ": " + p.Format(r.Before) + " " + p.Before + ", " + p.Format(r.After) + " " + p.After
		if p.Mark != "" {
			text += ", " + p.Format(r.Mark) + " " + p.Mark
		}
		text += "."
	}
	return text
}

// rows draws a row for each label, from left to right: the label, and two bars with their numbers behind them.
func (p *BarPlot) rows(c *canvas, top tenths) tenths {
	height, bar, number := tenths(400), tenths(140), tenths(0)
	if len(p.Rows) > highRows {
		height, bar = 230, 80
	}
	left := tenths(0)
	for _, r := range p.Rows {
		left = max(left, wide(short(r.Label, labelRunes), 140))
		number = max(number, wide(p.Format(r.Before), 120), wide(p.Format(r.After), 120))
	}
	left += margin + 80
	axis := newScale(0, p.most(), 4, width-margin-left-number-50, p.Binary)
	bottom, every := top+tenths(len(p.Rows))*height+60, 1
	if wide(p.Format(axis.high), 120)+60 > axis.at(axis.step) {
		every = 2 // there is no room for the number of each step
	}
	for v := axis.low; v <= axis.high; v += axis.step {
		x := left + axis.at(v)
		c.line("grid", x, top, x, bottom)
		if every == 1 || (v/axis.step)%2 == 0 {
			c.text(x, bottom+170, "soft small", "middle", p.Format(v))
		}
	}
	for i, r := range p.Rows {
		y := top + tenths(i)*height + (height-2*bar)/2 + 30
		c.put(`<g><title>`, escape(r.Label), ": ", escape(p.Format(r.Before)), " → ", escape(p.Format(r.After)), "</title>\n")
		c.text(left-80, y+bar+50, "", "end", short(r.Label, labelRunes))
		c.rect("before", left, y+10, axis.at(r.Before), bar-20)
		c.rect("after", left, y+bar, axis.at(r.After), bar)
		if bar >= 120 {
			c.text(left+axis.at(r.Before)+50, y+bar-25, "soft small", "start", p.Format(r.Before))
			c.text(left+axis.at(r.After)+50, y+2*bar-25, "small", "start", p.Format(r.After))
		} else {
			c.text(left+max(axis.at(r.Before), axis.at(r.After))+50, y+bar+40, "small", "start", p.Format(r.After))
		}
		if p.Mark != "" {
			c.line("mark", left+axis.at(r.Mark), y-15, left+axis.at(r.Mark), y+2*bar+15)
		}
		c.put("</g>\n")
	}
	return bottom + 170 + margin
}

// labelRunes is how much of a label is shown: 15 is an IPv4 address with few digits and its port. All of it stands in the row's title.
const labelRunes = 18
