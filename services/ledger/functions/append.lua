-- ------------------------------------------------------------------------------------------------------ append
--
-- A batch is known by (producer, sequence). The ring of its producer remembers the last 1024 sequences, each with a
-- digest of payload, run and width. A repeat of a sequence finds its slot and is not added again. What a kill does:
--   before the step   nothing was written; the producer has no answer and repeats the sequence: it is added then
--   within the step   a function is one unit of the append-only file; the store replays it whole or not at all
--   after the step    the entry and its slot are there together; the repeat is answered as a duplicate
-- A slot is overwritten by a larger sequence alone. A repeat that comes after that is refused as too old, not added.
-- A ring ends only after seven days without an append of its producer, in the ledger's own time, so that no step of the
-- store's clock ends one. A producer repeats a batch for minutes.
-- Where there are too many producers, the ring that is unused for longest is folded: it keeps its highest sequence
-- alone. A repeat is then refused, not added, and the producer goes on with larger sequences. So nobody can keep a new
-- producer out by appending under many names.

local RING, RING_LIFE_US, RINGS_AT_ONCE = 1024, 7 * 24 * HOUR_US, 16
-- Whole rings, up to 72 kB each, and all producers that are remembered. A folded ring takes about 300 bytes.
local MAX_RINGS, MAX_PRODUCERS, REMEMBERED_US = 10000, 500000, HOUR_US
local MAX_KEYS = 10000
local PAYLOAD_DIGEST = 16

-- Forgets the rings that have not been used for seven days, the oldest first.
local function retire_rings(base, producers, time)
  local last = '(' .. digits(time - RING_LIFE_US)
  for _, producer in ipairs(redis.call('ZRANGEBYSCORE', producers, '-inf', last, 'LIMIT', 0, RINGS_AT_ONCE)) do
    redis.call('UNLINK', base .. 'p:' .. producer)
    redis.call('ZREM', producers, producer)
  end
end

-- Folds the ring that is unused for longest, where one more would be too many. In order of use folded rings come first.
local function fold_ring(base, producers)
  local at = redis.call('ZCARD', producers) - MAX_RINGS
  if at < 0 then return end
  local ring = base .. 'p:' .. redis.call('ZRANGE', producers, at, at)[1]
  local highest = 0
  for _, value in ipairs(typed(ring, 'hash') and redis.call('HVALS', ring) or {}) do
    highest = math.max(highest, tonumber(string.match(value, '^%d+') or '0'))
  end
  redis.call('UNLINK', ring)
  if highest > 0 then redis.call('HSET', ring, 'folded', digits(highest)) end
end

-- Forgets the producer that is unused for longest, where there are too many. Returns false
-- where that producer appended within the last hour.
local function forget_producer(base, producers, time)
  if redis.call('ZCARD', producers) < MAX_PRODUCERS then return true end
  local producer, last_use = unpack(redis.call('ZRANGE', producers, 0, 0, 'WITHSCORES'))
  if time - tonumber(last_use) < REMEMBERED_US then return false end
  redis.call('UNLINK', base .. 'p:' .. producer)
  redis.call('ZREM', producers, producer)
  return true
end

-- Reads the arguments of an append. Returns the batch by name, or nothing where an argument is out of range.
local function batch_of(argv)
  local batch = {
    producer = argv[2], seq = whole(argv[3]), digest = argv[4], events = whole(argv[5]), run = argv[6],
    -- A width may be more than a number of Lua can hold exactly, so that it is compared as text.
    width = string.match(argv[7], '^[1-9]%d*$'),
    cap = whole(argv[8]), byte_cap = whole(argv[9]), seen = whole(argv[10]), born = argv[11],
    traceparent = argv[12], payload = argv[13], bytes = entry_bytes(argv[13]),
  }
  if batch.seq and batch.seq >= 1 and batch.events and batch.events >= 1 and batch.events <= MAX_BATCH and batch.width
      and batch.cap and batch.byte_cap and batch.seen then
    return batch
  end
end

-- Returns the account of the store. Workers of an earlier version do not keep the bytes; a stream without events has
-- none.
local function account_of_store(ledger)
  local store = account(ledger, 'accepted', 'backlog', 'dead', 'dup', 'bytes', 'dead_bytes', 'promised', 'wall', 'time')
  if store.backlog == 0 then store.bytes = 0 end
  if store.dead == 0 then store.dead_bytes = 0 end
  return store
end

-- Marks a store that is behind what it had acknowledged. Returns a refusal, or nothing where the store is not behind.
local function rolled_back(ledger, store, seen)
  local promised = math.max(seen, store.promised)
  if store.accepted >= promised then return end
  if store.promised < promised then redis.call('HSET', ledger, 'promised', promised) end
  return refuse('LABROLLBACK', digits(store.accepted) .. ' ' .. digits(promised))
end

-- Answers a sequence that the ring holds: a duplicate, or a refusal. Counts a duplicate once.
local function repeated(ring, slot, held, batch, ledger, runkey, store)
  local held_seq, held_digest, flag = string.match(held, '^(%d+) (%S+) (%S)$')
  held_seq = tonumber(held_seq)
  if held_seq > batch.seq then return refuse('LABTOOOLD', digits(held_seq)) end
  if held_seq < batch.seq then return end
  -- Versions before this one kept the digest of the payload alone.
  if held_digest ~= batch.digest and held_digest ~= string.sub(batch.digest, 1, PAYLOAD_DIGEST) then
    return refuse('LABCONFLICT', held_digest)
  end
  if flag == '-' then
    local before = account(runkey, 'dup')
    redis.call('HSET', ring, slot, digits(batch.seq) .. ' ' .. held_digest .. ' +')
    redis.call('HSET', ledger, 'dup', store.dup + batch.events)
    if redis.call('HEXISTS', runkey, 'width') == 1 then
      redis.call('HSET', runkey, 'dup', before.dup + batch.events)
    end
  end
  return {'DUP', '', store.accepted, ''}
end

-- Returns those of the batch's names that its run does not hold, or nil and an error.
local function new_names(names, argv)
  local new = {}
  for i = 14, #argv do
    if redis.call('SISMEMBER', names, argv[i]) == 0 then new[#new + 1] = argv[i] end
  end
  if #new > 0 and redis.call('SCARD', names) + #new > MAX_KEYS then return nil, refuse('LABKEYS', digits(MAX_KEYS)) end
  return new
end

-- Returns why there is no room for a batch, or nothing. Where dead letters alone fill the limit, waiting is no help.
local function full(dead, backlog, added, cap, unit)
  if dead + added > cap then return {'DEAD', digits(dead), digits(cap), unit} end
  if dead + backlog + added > cap then return {'BUSY', digits(dead + backlog), digits(cap), unit} end
end

-- Returns why there is no room for a batch, or nothing. Events that are to be sent again count as refused.
local function no_room(ledger, store, batch)
  local answer = full(store.dead, store.backlog, batch.events, batch.cap, 'events')
    or full(store.dead_bytes, store.bytes, batch.bytes, batch.byte_cap, 'bytes')
  if answer and answer[1] == 'BUSY' then redis.call('HINCRBY', ledger, 'refused', batch.events) end
  return answer
end

-- Makes room for the ring of a producer that is new, or that was folded. Returns a refusal where there is none.
local function no_room_for_ring(base, producers, ring, last_use, folded, time)
  if not last_use then
    retire_rings(base, producers, time)
    if not forget_producer(base, producers, time) then return refuse('LABPRODUCERS', digits(MAX_PRODUCERS)) end
  end
  local returns = folded and redis.call('HLEN', ring) == 1
  if returns or not last_use then fold_ring(base, producers) end
end

-- Adds the entry of a batch to the stream. Returns its id.
local function add_entry(stream, batch, now)
  local fields = {'n', batch.events, 'run', batch.run, 'w', batch.width, 't', now, 'b', batch.bytes}
  if batch.traceparent ~= '' then
    fields[#fields + 1] = 'tp'
    fields[#fields + 1] = batch.traceparent
  end
  fields[#fields + 1] = 'd'
  fields[#fields + 1] = batch.payload
  return redis.call('XADD', stream, '*', unpack(fields))
end

-- ARGV epoch producer seq digest n run width cap byte_cap seen born traceparent payload new_name...
-- Adds a batch once; `seen` is the highest `accepted` that the caller was told. The caller leaves out names that it knows
-- the run to hold, and tells by `born` which run it means; empty where it leaves out none. Where the store has forgotten
-- that run, nothing is written, and the reply is {'FORGOTTEN'}.
local function append(keys, argv)
  local base = keys[1]
  local refusal = guard(base, argv[1]); if refusal then return refusal end
  local batch = batch_of(argv)
  if not batch then return refuse('LABARG', 'seq, n, width, cap, byte_cap or seen is out of range') end
  local ledger, runkey, ring = base .. 'ledger', base .. 'run:' .. batch.run, base .. 'p:' .. batch.producer
  local names, producers, runs = base .. 'keys:' .. batch.run, base .. 'producers', base .. 'runs'
  local store = account_of_store(ledger)
  refusal = rolled_back(ledger, store, batch.seen); if refusal then return refusal end

  local slot = digits(batch.seq % RING)
  local held, folded = unpack(redis.call('HMGET', ring, slot, 'folded'))
  local answer = held and repeated(ring, slot, held, batch, ledger, runkey, store)
  if answer then return answer end
  if folded and batch.seq <= tonumber(folded) then return refuse('LABFOLDED', digits(MAX_RINGS)) end

  local before = account(runkey, 'accepted', 'backlog')
  local width, born = unpack(redis.call('HMGET', runkey, 'width', 'born'))
  if width and width ~= batch.width then return refuse('LABWIDTH', width) end
  born = width and (born or '0')
  if batch.born ~= '' and batch.born ~= born then return {'FORGOTTEN'} end
  local new
  new, refusal = new_names(names, argv); if refusal then return refusal end
  answer = no_room(ledger, store, batch); if answer then return answer end
  local now = clock_us()
  local time, moved = own_time(store.wall, store.time, now)
  local last_use = redis.call('ZSCORE', producers, batch.producer)
  -- These two fail where the key is of another type, before the first write.
  if not width then redis.call('ZSCORE', runs, batch.run) end
  redis.call('XLEN', base .. 'ev')

  refusal = no_room_for_ring(base, producers, ring, last_use, folded, time); if refusal then return refusal end
  local id = add_entry(base .. 'ev', batch, now)
  redis.call('HSET', ring, slot, digits(batch.seq) .. ' ' .. batch.digest .. ' -')
  -- Versions before this one gave rings an expiry by the store's clock.
  redis.call('PERSIST', ring)
  if tonumber(last_use or '-1') ~= time then redis.call('ZADD', producers, time, batch.producer) end
  if not width then
    -- A run that was forgotten may come again under its name; `born` tells that it is another.
    born = digits(store.accepted)
    redis.call('HSET', runkey, 'width', batch.width, 'born', born)
    redis.call('ZADD', runs, time, batch.run)
  end
  for i = 1, #new do redis.call('SADD', names, new[i]) end
  redis.call('HSET', runkey, 'accepted', before.accepted + batch.events, 'backlog', before.backlog + batch.events)
  local accepted = store.accepted + batch.events
  redis.call('HSET', ledger, 'accepted', accepted, 'backlog', store.backlog + batch.events,
    'bytes', store.bytes + batch.bytes)
  if moved then redis.call('HSET', ledger, 'wall', now, 'time', time) end
  return {'OK', id, accepted, born}
end

-- ARGV epoch seen
-- Marks a store that is behind what it had acknowledged, so that nobody appends to it any more, whoever starts later.
local function mark_loss(keys, argv)
  local ledger, seen = keys[1] .. 'ledger', whole(argv[2])
  local failed = guard(keys[1], argv[1]); if failed then return failed end
  if not seen then return refuse('LABARG', 'seen is out of range') end
  local store = account(ledger, 'accepted', 'promised')
  if store.accepted < seen and store.promised < seen then redis.call('HSET', ledger, 'promised', seen) end
  return store.accepted
end

register('append', append)
register('mark_loss', mark_loss, 'allow-oom')
