package redisstore

// What the scripts of Fields answer, in a list of one.
const (
	fieldsDone     int64 = iota
	fieldsAbsent         // no live entry
	fieldsConflict       // a tombstone, or another life of the entry
	fieldsForeign        // something that Fields did not write
	fieldsFull
)

// Each script works on one key, so Redis Cluster takes it, and each that leaves a hash behind gives it an expiry in the same step: no
// moment and no failure between them leaves one without. They refuse what another program keeps under the key.

// fieldsState begins the scripts that must know what is there. A hash that has no marker is not ours.
const fieldsState = `
local key, now = KEYS[1], 'live'
local m = redis.pcall('HGET', key, '\0')
if type(m) == 'table' then
	if not string.find(m.err, 'WRONGTYPE', 1, true) then return m end
	return {3}
elseif not m then
	if redis.call('EXISTS', key) == 1 then return {3} end
	now = 'absent'
elseif #m ~= 22 then
	return {3}
elseif string.sub(m, 1, 2) == 'T1' then
	now = 'removed'
elseif string.sub(m, 1, 2) ~= 'F1' then
	return {3}
end
`

var (
	// Arguments: lifetime in milliseconds, marker if the entry is new, most fields, field, value.
	fieldsSet = newScript(fieldsState + `
if now == 'removed' then return {2} end
if now == 'absent' then
	redis.call('HSET', key, '\0', ARGV[2], ARGV[4], ARGV[5])
elseif redis.call('HSET', key, ARGV[4], ARGV[5]) == 1 and redis.call('HLEN', key) - 1 > tonumber(ARGV[3]) then
	redis.call('HDEL', key, ARGV[4])
	return {4}
end
redis.call('PEXPIRE', key, ARGV[1])
return {0}`)

	// Arguments: lifetime, field. The marker stays, so an entry without fields is an entry.
	fieldsDelete = newScript(fieldsState + `
if now ~= 'live' then return {0} end
redis.call('HDEL', key, ARGV[2])
redis.call('PEXPIRE', key, ARGV[1])
return {0}`)

	// Arguments: lifetime, marker, then fields and values in turn. Who finds his own marker has been here before: the answer was lost.
	fieldsCreate = newScript(fieldsState + `
if now == 'live' then return {m == ARGV[2] and 0 or 2} end
redis.call('UNLINK', key)
redis.call('HSET', key, '\0', ARGV[2])
redis.call('PEXPIRE', key, ARGV[1])
for i = 3, #ARGV, 2 do redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
return {0}`)

	// Arguments: lifetime, marker that must be there, most fields, how many follow to set, those and their values in turn, those to
	// delete. All is counted before anything is written.
	fieldsSave = newScript(fieldsState + `
if m ~= ARGV[2] then return {2} end
local last, fields = 4 + 2 * ARGV[4], redis.call('HLEN', key) - 1
local before = fields
for i = 5, last, 2 do fields = fields + 1 - redis.call('HEXISTS', key, ARGV[i]) end
for i = last + 1, #ARGV do fields = fields - redis.call('HEXISTS', key, ARGV[i]) end
if fields > tonumber(ARGV[3]) and fields > before then return {4} end
for i = last + 1, #ARGV do redis.call('HDEL', key, ARGV[i]) end
for i = 5, last, 2 do redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', key, ARGV[1])
return {0}`)

	// Arguments: how long the tombstone stands, or 0, and its marker. Whatever is there goes; large ones are freed in the background.
	fieldsRemove = newScript(`
redis.call('UNLINK', KEYS[1])
if ARGV[1] ~= '0' then
	redis.call('HSET', KEYS[1], '\0', ARGV[2])
	redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return {0}`)

	// Arguments: lifetime, slack. A hash that somebody made permanent gets its expiry back.
	fieldsUse = newScript(fieldsState + `
if now ~= 'live' then return {1} end
local left = redis.call('PTTL', key)
if left < 0 or ARGV[1] - left > tonumber(ARGV[2]) then redis.call('PEXPIRE', key, ARGV[1]) end
return {0}`)
)
