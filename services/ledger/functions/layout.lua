-- The steps of the ledger. Each step is atomic, and checks everything before its first write: Lua does not roll back.
--
-- KEYS[1] is the common prefix "{lab:NAMESPACE}:". Every key has it, so that all keys share one slot.
--   ev          stream   accepted, not committed: n run w(idth) t(ime, store's clock, us) b(ytes) tp(traceparent)
--                        d(ata)
--   dead        stream   dead letters: id i(ndex) why + the fields of ev
--   ledger      hash     account of the store, in events; `bytes` of ev and `dead_bytes` of dead; `ver` grows with
--                        every change of an aggregate; `wall` and `time` are the ledger's own time; `promised` is there
--                        once the store was seen behind what it had acknowledged; stale, ghost, refused and requeued
--                        are for people who look into the store
--   run:RUN     hash     account of the run, width, low (window), last (commit, us), born (events that the store had
--                        accepted before), `w:INSTANCE` counted by it
--   keys:RUN    set      (source, kind) pairs accepted so far
--   agg:RUN:W   hash     name -> aggregate of one window;  tot:RUN name -> aggregate of the whole run
--   dirty:RUN   zset     window -> version of its last change;  wins:RUN the windows that exist
--   p:PRODUCER  hash     idempotency ring: seq % 1024 -> "seq digest flag"
--   producers, runs      zset of the last use, in the ledger's own time
--   epoch (string), beat (hash, heartbeats), facts (hash), suspect (hash, isolation notes), audit (hash, its place)
--
-- An aggregate is packed as struct '<ddddd': count, sum high, sum low, minimum, maximum. The sum is high * 2^32 + low
-- micro-units.

local GROUP = 'agg'
local LIMB, EXACT = 4294967296, 9007199254740992
local PACKED, PACKED_BYTES = '<ddddd', 40
local CHUNK = 500
local SECOND_US = 1000000
local HOUR_US = 3600 * SECOND_US

-- A function's name ends with the version of this library, so that libraries of two versions serve one store.
local function register(name, callback, ...)
  redis.register_function{function_name = 'lab_' .. name .. '_' .. VERSION, callback = callback, flags = {...}}
end

local function whole(text)
  local number = tonumber(text)
  if number and number == math.floor(number) and number >= 0 and number < EXACT then return number end
end

-- For replies and for `..`, which would round; arguments of a command may be numbers, which the store writes exactly.
local function digits(number) return string.format('%.0f', number) end

local function clock_us()
  local now = redis.call('TIME')
  return now[1] * SECOND_US + now[2]
end

-- The ledger's own time: the store's clock at the first append, and since then the time between appends, an hour at
-- most for each. A clock that is set forward by a year therefore makes nothing a year older. Returns the time, and
-- whether it moved on.
local function own_time(wall, time, now)
  if wall == 0 then return now, true end
  local passed = now - wall
  if passed >= 0 and passed < SECOND_US then return time, false end
  return time + math.max(0, math.min(passed, HOUR_US)), true
end

local function field_of(entry, name)
  for i = 1, #entry, 2 do if entry[i] == name then return entry[i + 1] end end
end

-- Events of one batch, at most.
local MAX_BATCH = 65535

-- The events that an entry says it holds; none where `append` cannot have written the number.
local function events_of(fields)
  local events = whole(field_of(fields, 'n'))
  return events and events <= MAX_BATCH and events or 0
end

-- Memory that an entry takes: its data, and what every entry has beside its data.
local ENTRY_BYTES = 256
local function entry_bytes(data) return #data + ENTRY_BYTES end

-- The account of a run or of the store, as every reply has it.
local function balance(key)
  return redis.call('HMGET', key, 'accepted', 'counted', 'dead', 'backlog', 'dup')
end
