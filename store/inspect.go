package store

import "context"

// Inspector is a Store that can say what its deployment keeps of the promises: which server stands behind it, and how that is set up.
// Callers use [Inspect]; larder check prints it.
type Inspector interface {
	Store

	// Inspect asks the backend about itself. It is no use of any entry and changes nothing. A fact that the backend does not tell, because
	// it is too old or forbids the question, has a Warn that says so.
	Inspect(ctx context.Context) ([]Fact, error)
}

// Fact is one thing that is so in a deployment.
type Fact struct {
	Name  string // what it is about: "server", "eviction", "persistence", "largest value", "clock", ...; unique in one answer
	Value string // how it is, as in "PostgreSQL 15.18" or "noeviction"; no secret
	Warn  string // which promise that breaks and what to do about it; "": none
}

// Inspect asks s by its own Inspect, or else returns an error that wraps [errors.ErrUnsupported].
func Inspect(ctx context.Context, s Store) ([]Fact, error) {
	if w, ok := s.(Inspector); ok {
		return w.Inspect(ctx)
	}
	return nil, unsupported("inspect", s)
}
