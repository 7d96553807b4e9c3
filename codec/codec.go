package codec

// Codec turns values into bytes and back. [MsgPack] and [JSON] are two; a program may bring its own.
type Codec interface {
	// Name is 1 to 32 of a-z, 0-9, "-", "." and "_". [Typed] and [Tagged] write it in front of what a codec other than
	// MsgPack and JSON wrote, so it must not change.
	Name() string

	// Encode returns v as bytes that are the caller's. The same value should give the same bytes.
	Encode(v any) ([]byte, error)

	// Decode sets what v points to from data. It must neither change data nor keep it. Where it fails, some of v may have
	// been set; the text of the error should show nothing of data.
	Decode(data []byte, v any) error
}

// MsgPack is MessagePack: compact, fast, and it keeps what a Go program tells apart. See the package's comment for what becomes
// of which type, and for what it refuses.
var MsgPack Codec = new(msgPack)
