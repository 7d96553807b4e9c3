package cli

// Many lists hold a name and what stands under it as two members: [{"name": "password", "value": ...}]. There the name is what decides.

// maxName is how long a text may be to be taken for the name of something.
const maxName = 200

// isNaming reports whether what stands under this name may itself be a name, and isNamed whether that is of what stands under this one.
func isNaming(name string) bool {
	switch folded(name) {
	case "name", "key", "k", "n", "field", "header", "param", "parameter", "property", "attribute", "label", "id", "type":
		return true
	}
	return false
}

func isNamed(name string) bool {
	switch folded(name) {
	case "value", "values", "val", "v", "content", "data", "text", "string":
		return true
	}
	return false
}

// namesSecret reports whether x, which stands under name, is the name of what is hidden.
func (f *fence) namesSecret(name string, x any) bool {
	text, ok := x.(string)
	return ok && len(text) <= maxName && isNaming(name) && f.hides(text)
}

// pair looks at the members of an object while they are written, for its name may come last.
type pair struct {
	secret bool
	values []span
}

// span is where a value stands in the output, and how many were hidden in it.
type span struct{ start, end, hidden int }

// note is told of a member whose value has been written: x, or what x begins.
func (p *pair) note(v *viewer, name string, x any, start, hidden int) {
	if v.fence.namesSecret(name, x) {
		p.secret = true
	}
	if canHide(x) && isNamed(name) {
		p.values = append(p.values, span{start, v.out.Len(), v.hidden - hidden})
	}
}

// settle redacts the values after the last member.
func (p *pair) settle(v *viewer) {
	if !p.secret || len(p.values) == 0 {
		return
	}
	first := p.values[0].start
	written := append([]byte(nil), v.out.Bytes()[first:]...)
	v.out.Truncate(first)
	at := 0
	for _, s := range p.values {
		v.out.Write(written[at : s.start-first])
		v.hidden -= s.hidden
		v.redacted()
		at = s.end - first
	}
	v.out.Write(written[at:])
}

// canHide reports whether x may be a secret: a bool and null are none.
func canHide(x any) bool {
	_, isBool := x.(bool)
	return x != nil && !isBool
}
