package chart

import (
	"io"
	"strconv"
	"unicode/utf8"
)

// tenths is a length or a place in tenths of a unit of the viewBox.
type tenths = int64

// The measures that all pictures share. The width is small, so that text of 14 units is 10 pixels on a phone.
const (
	width  tenths = 4800
	margin tenths = 160
	shown         = 720 // pixels, where there is room for them
)

// canvas collects markup. Its methods write text escaped and numbers with one digit.
type canvas struct{ buf []byte }

// put writes each part as it is when it is a string, and as a number when it is tenths.
func (c *canvas) put(parts ...any) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			c.buf = append(c.buf, p...)
		case tenths:
			c.buf = appendTenths(c.buf, p)
		}
	}
}

func appendTenths(buf []byte, n tenths) []byte {
	if n < 0 {
		buf, n = append(buf, '-'), -n
	}
	buf = strconv.AppendInt(buf, n/10, 10)
	if n%10 != 0 {
		buf = append(buf, '.', byte('0'+n%10))
	}
	return buf
}

// escape makes s fit for text and for an attribute. XML has no way to write control characters, nor bytes that are no UTF-8.
func escape(s string) string {
	var buf []byte
	for _, r := range s {
		switch {
		case r == '&':
			buf = append(buf, "&amp;"...)
		case r == '<':
			buf = append(buf, "&lt;"...)
		case r == '>':
			buf = append(buf, "&gt;"...)
		case r == '"':
			buf = append(buf, "&#34;"...)
		case r < ' ' || r == 0x7f || r == 0xfffe || r == 0xffff:
			buf = utf8.AppendRune(buf, utf8.RuneError)
		default:
			buf = utf8.AppendRune(buf, r)
		}
	}
	return string(buf)
}

// text writes one line of text, class being that of its look: "" is plain, "soft" less so; anchor is start, middle or end.
func (c *canvas) text(x, y tenths, class, anchor, s string) {
	c.put(`<text x="`, x, `" y="`, y, `"`)
	if class != "" {
		c.put(` class="`, class, `"`)
	}
	if anchor != "start" {
		c.put(` text-anchor="`, anchor, `"`)
	}
	c.put(`>`, escape(s), "</text>\n")
}

func (c *canvas) rect(class string, x, y, w, h tenths) {
	c.put(`<rect class="`, class, `" x="`, x, `" y="`, y, `" width="`, w, `" height="`, h, "\"/>\n")
}

func (c *canvas) line(class string, x1, y1, x2, y2 tenths) {
	c.put(`<path class="`, class, `" d="M`, x1, " ", y1, "L", x2, " ", y2, "\"/>\n")
}

// picture is a whole file: its title, a description, and body, which draws below the top that it is given and returns how high all is.
func picture(w io.Writer, title, caption, description string, body func(c *canvas, top tenths) (height tenths)) error {
	var in canvas
	y := margin + 140
	for _, line := range wrap(title, 170, width-2*margin) {
		in.text(margin, y, "big", "start", line)
		y += 220
	}
	for _, line := range wrap(caption, 140, width-2*margin) {
		in.text(margin, y, "soft", "start", line)
		y += 190
	}
	height := body(&in, y-60)

	var out canvas
	out.put(`<svg xmlns="http://www.w3.org/2000/svg" class="larder-chart" role="img" viewBox="0 0 `, width, ` `, height,
		`" width="`, strconv.Itoa(shown), `" height="`, shown*height*10/width, "\">\n")
	out.put(`<title>`, escape(title), "</title>\n<desc>", escape(description), "</desc>\n", style)
	out.put(`<rect class="ground" width="`, width, `" height="`, height, "\" rx=\"8\"/>\n", string(in.buf), "</svg>\n")
	_, err := w.Write(out.buf)
	return err
}

// wide is about how wide a text is at a size of its letters: nobody measures fonts here.
func wide(s string, size tenths) tenths {
	return tenths(utf8.RuneCountInString(s)) * size * 3 / 5
}

// wrap breaks a text into lines at spaces.
func wrap(s string, size, room tenths) (lines []string) {
	start, space := 0, -1
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != ' ' {
			continue
		}
		if space > start && wide(s[start:i], size) > room {
			lines = append(lines, s[start:space])
			start = space + 1
		}
		space = i
	}
	if start < len(s) {
		lines = append(lines, s[start:])
	}
	return lines
}

// short cuts a name in its middle: names of machines differ at either end.
func short(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most/2]) + "…" + string(runes[len(runes)-(most-1)/2:])
}
