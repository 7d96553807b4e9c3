package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// storeMark is a few digits that belong to the store, and are others in another store: of a hash of the MAC key that package session keeps
// there. They stay for as long as anybody can be logged in by that key. Refused: a hash of the store's URL, for one store has many, and an
// entry of our own, which the store's time-out would take.
func storeMark(s store.Store, o *session.Options) (string, error) {
	silent := *o
	silent.Logger = slog.New(slog.DiscardHandler)
	if _, err := session.New(s, &silent); err != nil { // puts the key there
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	key, err := store.Load(ctx, s, Prefix+"key")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append([]byte("larder demo, mark of the store\x00"), key.Value...))
	return hex.EncodeToString(sum[:3]), nil
}
