package session

import "fmt"

// maxFlashes is how many messages wait: a client that shows none must not make its session grow for ever.
const maxFlashes = 50

// Flash keeps a message for the page that calls [Session.Flashes] next. If more than 50 messages are waiting, the newest 50 are kept.
func (s *Session) Flash(message string) error {
	s.lock()
	defer s.mu.Unlock()
	if err := s.change("flash"); err != nil {
		return err
	}
	raw, err := s.m.codec.Encode(newest(append(s.flashes(), message)))
	if err != nil {
		return fmt.Errorf("session: flash: %w", err)
	}
	s.put(flashField, raw)
	return nil
}

func newest(messages []string) []string { return messages[max(0, len(messages)-maxFlashes):] }

// Flashes returns the messages, oldest first, and deletes them.
func (s *Session) Flashes() []string {
	s.lock()
	defer s.mu.Unlock()
	if s.load() != nil {
		return nil
	}
	messages := s.flashes()
	if len(messages) > 0 && s.change("flashes") == nil {
		s.put(flashField, nil)
	}
	return messages
}

func (s *Session) flashes() (messages []string) {
	if raw, ok := s.raw(flashField); ok && s.m.codec.Decode(raw, &messages) != nil {
		return nil
	}
	return messages
}
