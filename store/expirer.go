package store

// Expirer is a Store that knows the Expiry it was opened with. Callers use [ExpiryOf]: who relies on entries for some time can refuse a
// store that forgets them sooner, instead of finding out from those whom it concerns.
type Expirer interface {
	Store

	// Expiry returns the Expiry that the store was opened with, or one with the same Timeout and Slack. A store that ignores the Timeout
	// which it was given returns 0 for it. A wrapper of several stores returns the Expiry of the one that forgets first. The
	// backend is not asked, so that the answer is the same after Close.
	Expiry() (Expiry, error)
}

// ExpiryOf returns what s says by its own Expiry, or else an error that wraps [errors.ErrUnsupported].
func ExpiryOf(s Store) (Expiry, error) {
	if w, ok := s.(Expirer); ok {
		return w.Expiry()
	}
	return Expiry{}, unsupported("expiry", s)
}
