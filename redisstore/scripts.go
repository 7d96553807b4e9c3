package redisstore

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/store"
)

// script is a Lua script. Each works on one key, answers a list of integers that begins with a state and the server's time in µs, and goes by
// that time.
type script struct {
	source string
	hash   string
}

func newScript(source string) *script {
	sum := sha1.Sum([]byte(source))
	return &script{source, hex.EncodeToString(sum[:])}
}

// state is what a script says of the entry.
type state int64

const (
	stateAbsent  state = iota
	stateLive          // and, where asked for, used, written or removed
	stateOther         // live, with another version than the one that was asked for
	stateDamaged       // it cannot be read; also a Redis value of another type
	stateForeign       // nothing that this package wrote, as far as one can see
)

// answer is what a script says.
type answer struct {
	state state
	now   int64 // µs, by the server
	more  []int64
	again bool // it is the answer to a second attempt, and the first may have happened
}

// prelude judges the entry under KEYS[1]. It reads no more of it than the times, the record's header, its key and, in place of a checksum, the
// length. An entry with a native expiry within the limit is left to that: the server's clock set it, while an atime may be an estimate. But no
// estimate is off by nativeLag: what is older than that was written while a longer Timeout was set.
//
// The last of ARGV is the length of the store's prefix.
const prelude = `
local key = KEYS[1]
local own = string.sub(key, tonumber(ARGV[#ARGV]) + 1)
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local atime, deadline, version, size

local function judge(limit)
  local head = redis.pcall('GETRANGE', key, 0, 59 + #own)
  if type(head) == 'table' then
    if string.sub(head.err, 1, 9) == 'WRONGTYPE' then return 4 end
    error(head.err)
  end
  if head == '' then
    return redis.call('EXISTS', key) * 4
  end
  if string.sub(head, 17, 20) ~= 'LRDR' then return 4 end
  if #head < 60 then return 3 end
  atime, deadline = struct.unpack('>i8i8', head)
  local k, v = struct.unpack('>I2I4', string.sub(head, 23, 28))
  size, version = v, string.sub(head, 45, 60)
  if string.sub(head, 21, 22) ~= '\1\0' or k ~= #own or string.sub(head, 61) ~= own then return 3 end
  if redis.call('STRLEN', key) ~= 64 + k + v then return 3 end
  if deadline ~= 0 and now >= deadline then return 0 end
  if limit > 0 and now - atime > limit then
    if now - atime > limit + 1000000 then return 0 end
    local left = redis.call('PTTL', key)
    if left < 0 or left * 1000 > limit + 1000 then return 0 end
  end
  return 1
end

-- expire sets the native expiry: the first millisecond at which the rule holds, less one, for Redis takes an entry away after it. It takes
-- away one that a store with a Timeout has set, where there is none now.
local function expire(limit)
  local at
  if limit > 0 then at = math.floor((atime + limit) / 1000) end
  if deadline ~= 0 then
    local d = math.ceil(deadline / 1000) - 1
    if not at or d < at then at = d end
  end
  if at then
    redis.call('PEXPIREAT', key, string.format('%.0f', at))
  elseif redis.call('PTTL', key) >= 0 then
    redis.call('PERSIST', key)
  end
end
`

var (
	// timeScript asks the server that holds the key for its time.
	timeScript = newScript(`local t = redis.call('TIME') return {0, t[1] * 1000000 + t[2]}`)

	// useScript judges the entry, and records a use of it.
	//	ARGV: the version that was seen, "" any; the limit; the slack, -1: record nothing
	useScript = newScript(prelude + `
local limit, slack = tonumber(ARGV[2]), tonumber(ARGV[3])
local state = judge(limit)
if state == 1 and ARGV[1] ~= '' and ARGV[1] ~= version then state = 2 end
if state == 1 and slack >= 0 and now - atime > slack then
  atime = now
  redis.call('SETRANGE', key, 0, struct.pack('>i8', atime))
  expire(limit)
end
return {state, now}
`)

	// swapScript compares and writes. An entry that is absent as soon as it is written, is removed.
	//	ARGV: the version demanded, "" absent, "*" any; the limit; the stored string, "" to remove; its version; its atime, 0: now; its deadline
	swapScript = newScript(prelude + `
local limit = tonumber(ARGV[2])
local state = judge(limit)
if ARGV[3] ~= '' and version == ARGV[4] and state == 1 then return {1, now} end
if ARGV[1] ~= '*' then
  if state == 4 then state = 3 end
  if state == 3 then return {3, now} end
  if state == 0 and ARGV[1] ~= '' or state == 1 and ARGV[1] ~= version then return {2, now} end
end
if ARGV[3] == '' then
  redis.call('DEL', key)
  return {1, now}
end
atime, deadline = tonumber(ARGV[5]), tonumber(ARGV[6])
if atime == 0 or atime > now then atime = now end
if deadline ~= 0 and now >= deadline or limit > 0 and now - atime > limit then
  redis.call('DEL', key)
  return {1, now}
end
redis.call('SET', key, ARGV[3])
redis.call('SETRANGE', key, 0, struct.pack('>i8', atime))
expire(limit)
return {1, now}
`)

	// sweepScript removes the entry if it has been idle for longer than the age, or is absent. It answers its size and atime besides. An atime may
	// be an estimate of another server's clock, after a failover; the server's own, by the native expiry, counts where it is later.
	//	ARGV: the limit; the age; "1": remove nothing
	sweepScript = newScript(prelude + `
local limit = tonumber(ARGV[1])
local state = judge(limit)
if state == 4 or not atime then return {state, now} end
if state == 3 then size = 0 end
if state == 1 and limit > 0 then
  local left = redis.call('PTTL', key) * 1000
  if left > 0 and left <= limit then atime = math.max(atime, now - (limit - left)) end
end
if state ~= 0 and now - atime <= tonumber(ARGV[2]) then return {2, now} end
if ARGV[3] ~= '1' then redis.call('DEL', key) end
return {1, now, size, atime}
`)
)

// run runs a script on one key. What may happen twice is tried again, once, if the connection broke: one that stood idle in the pool while
// the server restarted, most likely. Errors are in the words of package store.
func (l *link) run(ctx context.Context, s *script, mayRepeat bool, key string, args ...any) (answer, error) {
	all := make([]any, 0, 4+len(args))
	all = append(append(all, "evalsha", s.hash, 1, key), args...)
	sent := l.now()
	values, err := l.eval(ctx, s, all)
	again := mayRepeat && l.repeatable(ctx, err)
	if again {
		sent = l.now()
		values, err = l.eval(ctx, s, all)
	}
	if err != nil {
		return answer{}, l.failed(ctx, err)
	}
	a, err := readAnswer(values)
	if err != nil {
		return a, err
	}
	a.again = again
	l.clockFor(ctx, key).learn(sent, l.now(), a.now)
	return a, nil
}

// eval sends EVALSHA with all its arguments, and the script's source where the server does not know it, after a restart for example.
func (l *link) eval(ctx context.Context, s *script, all []any) ([]any, error) {
	name, _ := all[3].(string)
	cmd := redis.NewSliceCmd(ctx, all...)
	err := l.sendInOrder(ctx, name, onceSlice{cmd})
	if err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") {
		whole := append([]any{"eval", s.source}, all[2:]...)
		cmd = redis.NewSliceCmd(ctx, whole...)
		err = l.sendInOrder(ctx, name, onceSlice{cmd})
	}
	if err != nil {
		return nil, err // cmd may be written to yet, by a call that this one no longer waits for
	}
	return cmd.Val(), nil
}

var errAnswer = fmt.Errorf("%w: %w", store.ErrUnavailable, errors.New("the script's answer cannot be understood"))

func readAnswer(values []any) (answer, error) {
	if len(values) < 2 {
		return answer{}, errAnswer
	}
	numbers := make([]int64, len(values))
	for i, v := range values {
		n, ok := v.(int64)
		if !ok {
			return answer{}, errAnswer
		}
		numbers[i] = n
	}
	return answer{state: state(numbers[0]), now: numbers[1], more: numbers[2:]}, nil
}
