// Package codec turns Go values into the bytes that a [store.Store] keeps, and makes of a store one of values of one type:
//
//	visitors := codec.NewTyped[Visitor](s, codec.MsgPack)
//	v, err := visitors.Get(ctx, key)
//
// Two codecs are ready, [MsgPack] and [JSON]; another is three methods ([Codec]).
//
// # What comes back
//
// Into a variable of the type that was written, what can be written comes back as it was, by either codec. Into an any:
//
//	written                    MsgPack                        JSON
//	nil                        nil                            nil
//	bool, string               the same                       the same; what is no UTF-8 becomes U+FFFD
//	any int, time.Duration     int64                          int64
//	uint64 over the int64s     uint64                         uint64
//	float32, float64           float64                        float64; a whole one that fits int64 or uint64, that
//	NaN, infinities            float64                        error when it is encoded
//	[]byte                     []byte                         string, in base64
//	time.Time                  time.Time, in UTC              string, as in RFC 3339
//	slices and arrays          []any                          []any
//	maps with strings as keys  map[string]any                 map[string]any
//	other maps                 map[any]any                    map[string]any, or error when it is encoded
//	structs                    map[string]any                 map[string]any
//
// An empty slice, map or string is not nil, and nil stays nil. A time keeps its nanoseconds; MsgPack forgets its zone. The same value
// is always the same bytes, whatever order its maps have in memory, so equal bytes mean that nothing changed.
//
// # Types
//
// Into a Go type comes what fits it: a number that overflows it, a float for an int, a list of another length than the array is
// [ErrMismatch], never something near it. (A whole number fits a float that holds it exactly.) nil makes anything its zero value, a
// string and bytes fit each other, fields that the struct does not have are passed over, and fields that the data does not
// name keep what they held. Slices, maps and pointers are made anew.
//
// Struct fields are stored under the name in their tag msgpack, or else in their tag json, or else under their own; "-" leaves a field
// out, and so do omitempty and omitzero while it is empty. So both codecs keep the same fields under the same names unless tags
// say otherwise. Embedded structs without a name of their own lend their fields. The other options that the library knows
// (as_array, intern, alias, noinline) are refused, for they change the format.
//
// MsgPack lets types speak for themselves that implement the library's interfaces (msgpack.CustomEncoder and CustomDecoder,
// Marshaler and Unmarshaler, from github.com/vmihailenco/msgpack/v5), those for binary in package encoding, or those for text, looked for in
// this order. Interfaces with methods, channels, functions and complex numbers are an error.
//
// # Hostile bytes
//
// What comes from a store is not trusted: others may write to it. [MsgPack] reads a value only after a walk over all of it has
// shown that every length is covered by bytes, that nothing is nested more than 64 deep, that nothing is left over, and that no
// extension but the timestamp is in it. It then takes at most 8 times the size of the value plus 1 MiB of memory, whatever the type
// it decodes into, and stops with an error before it takes more; what methods of types take is their affair. A key that
// stands twice in a map or for a struct is an error, and so is a key that is no scalar where an any must hold it.
//
// The limit on memory is met at both ends: a value that it would keep from being read cannot be encoded either. It takes a large
// and sparse value to meet it: more than 80,000 ints of one byte in an []any, 25,000 entries of ten bytes in one map, or
// 15,000 maps of three entries. A list of structs in place of maps takes a tenth of their memory and does not meet it.
//
// [JSON] has the limits of encoding/json: 10,000 deep, no budget, of two equal keys the last wins. Into an any it was
// measured to take up to 70 times its size; into a list of large structs, what the structs take, and an empty one is two bytes.
// Since the tag of a value says which codec reads it, this holds for a [Typed] or [Tagged] that writes MsgPack as well: where others may
// write to the store, bound the size of values there.
//
// No error shows anything of a value, only where in it and what Go type.
//
// # What is refused when it is written
//
// What MsgPack encodes, it decodes into a new value of the same type. What stands in an any (a value of a map[string]any, an element of an
// []any, a [Typed] of any) has no type when it is read, so it must be readable into an any; what stands there in its own type must be
// readable into that. Refused with an error, before anything is stored, are therefore
//
//   - maps that would have a key twice once read: among keys of any type, ints of one value whatever their Go types, floats likewise
//     (float32(1) and float64(1); an int and a float are two keys), and keys that the method of their type reads as equal;
//   - keys that are no scalars (arrays, structs, times, types that write bytes) of a map in an any. Outside of one they are
//     written, and read into their own type only: into an any such a map is [store.ErrCorrupt];
//   - outside of an any, embedded pointers to unexported structs that are not nil, which reflection cannot make, and types that
//     have a method for one direction only, unless without the other they fit what it writes.
//
// What two methods of one type make of each other's bytes is their affair.
//
// # The tag
//
// [Typed], and [Tagged] for those who keep several values in one entry, write in front of each value which codec wrote it, so that a
// deployment can change its codec and still read, beside what it writes from now on, what it wrote before:
//
//	offset  size  field
//	0       1     'M' MsgPack, 'J' JSON, 'C' another
//	for 'C' only:
//	1       1     n, length of the codec's name (1 to 32)
//	2       n     the name: a-z, 0-9, '-', '.', '_'
//	then          what the codec wrote
//
// MsgPack and JSON can always be read. Another codec must be given to [NewTyped] or [NewTagged], as the one that writes or among the others;
// without it such a value is [ErrUnknownCodec], with the name in the text. Values that are rewritten are rewritten by the new codec.
//
// # Speed
//
// A session of 5 items, from a map[string]any and into one, in medians of 45 interleaved rounds on 2 busy cores:
//
//	codec              bytes  encode ns  allocs  decode ns  allocs
//	encoding/json      548    7702       48      8970       83
//	encoding/gob       843   16607       73     39797      334
//	vmihailenco alone  508    1926        5      4429       62
//	codec.JSON         548    7228       48     12700      106
//	codec.MsgPack      474    2032        1      3222       31
//
// In eight such runs MsgPack took 0.14 to 0.24 of encoding/json's time to encode and 0.21 to 0.37 to decode. The library alone
// writes maps in any order, checks nothing, and gives an int8 for an int. To see the table and the ratios on another machine:
//
//	go test -v -run - -bench Session -benchtime 3x ./codec
package codec
