#!lua name=lab_ledger
-- The steps of the ledger. Each step is atomic, and checks everything before its first write: Lua does not roll back.
--
-- KEYS[1] is the common prefix "{lab:NAMESPACE}:". Every key has it, so that all keys share one slot.
--   ev          stream   accepted, not committed: n run w(idth) t(ime, store's clock, us) tp(traceparent) d(ata)
--   dead        stream   dead letters: id i(ndex) why + the fields of ev
--   ledger      hash     account of the store, in events; `ver` grows with every change of an aggregate; stale, ghost,
--                        refused and requeued are for people who look into the store
--   run:RUN     hash     account of the run, width, low (window), last (commit, us), `w:INSTANCE` counted by it
--   keys:RUN    set      (source, kind) pairs accepted so far
--   agg:RUN:W   hash     name -> aggregate of one window;  tot:RUN name -> aggregate of the whole run
--   dirty:RUN   zset     window -> version of its last change;  wins:RUN the windows that exist
--   p:PRODUCER  hash     idempotency ring: seq % 1024 -> "seq digest flag"
--   producers (zset, last use), runs (zset, first use), epoch (string), beat (hash, heartbeats), facts (hash),
--   suspect (hash, isolation notes)
--
-- An aggregate is packed as struct '<ddddd': count, sum high, sum low, minimum, maximum. The sum is high * 2^32 + low
-- micro-units.

local GROUP = 'agg'
local LIMB, EXACT = 4294967296, 9007199254740992
local PACKED, PACKED_BYTES = '<ddddd', 40
local RING, RING_TTL_MS, MAX_PRODUCERS, MAX_KEYS = 1024, 7 * 24 * 3600 * 1000, 10000, 10000
local MAX_ENTRIES, MAX_EVENTS, MAX_AGGREGATES = 1024, 524288, 4096
local CHUNK = 500

local function refuse(code, text) return redis.error_reply(code .. ' ' .. text) end

local function whole(text)
  local number = tonumber(text)
  if number and number == math.floor(number) and number >= 0 and number < EXACT then return number end
end

local function account(key, ...)
  local values, names = redis.call('HMGET', key, ...), {...}
  for i = 1, #names do
    values[i] = whole(values[i] or '0') or error({err = 'LABTYPE ' .. key .. ' ' .. names[i] .. ' is not a count'})
  end
  return values
end

local function guard(base, epoch)
  local current = redis.call('GET', base .. 'epoch')
  if not current then return refuse('LABEMPTY', 'the store is empty or was reset') end
  if current ~= epoch then return refuse('LABEPOCH', 'the store was replaced') end
end

local function clock_us()
  local now = redis.call('TIME')
  return string.format('%.0f', now[1] * 1000000 + now[2])
end

local function digits(number) return string.format('%.0f', number) end

-- Every key that a step will write is checked, so that a key of another type stops the step before its first write.
local function typed(key, wanted)
  local actual = redis.call('TYPE', key).ok
  return actual == wanted or actual == 'none'
end

local function clash(key, wanted)
  return refuse('LABTYPE', key .. ' is a ' .. redis.call('TYPE', key).ok .. ', not a ' .. wanted)
end

-- ARGV epoch producer seq digest n run width cap seen traceparent payload new_name...
-- Adds a batch once; `seen` is the highest `accepted` that the caller was told.
local function append(keys, argv)
  local base, producer, run = keys[1], argv[2], argv[6]
  local failed = guard(base, argv[1]); if failed then return failed end
  local seq, n, width, cap, seen = whole(argv[3]), whole(argv[5]), whole(argv[7]), whole(argv[8]), whole(argv[9])
  if not (seq and seq >= 1 and n and n >= 1 and n <= 65535 and width and width >= 1 and cap and seen) then
    return refuse('LABARG', 'seq, n, width, cap or seen is out of range')
  end
  local ledger, runkey, ring = base .. 'ledger', base .. 'run:' .. run, base .. 'p:' .. producer
  local store = account(ledger, 'accepted', 'backlog', 'dead')
  if store[1] < seen then return refuse('LABROLLBACK', digits(store[1]) .. ' ' .. digits(seen)) end

  local slot = digits(seq % RING)
  local held = redis.call('HGET', ring, slot)
  if held then
    local held_seq, held_digest, flag = string.match(held, '^(%d+) (%S+) (%S)$')
    held_seq = tonumber(held_seq)
    if held_seq == seq then
      if held_digest ~= argv[4] then return refuse('LABCONFLICT', held_digest) end
      if flag == '-' then
        account(runkey, 'dup')
        redis.call('HSET', ring, slot, argv[3] .. ' ' .. held_digest .. ' +')
        redis.call('HINCRBY', ledger, 'dup', n)
        redis.call('HINCRBY', runkey, 'dup', n)
      end
      return {'DUP', '', store[1]}
    elseif held_seq > seq then
      return refuse('LABTOOOLD', digits(held_seq))
    end
  end

  account(runkey, 'accepted', 'backlog', 'dup')
  local known_width = redis.call('HGET', runkey, 'width')
  if known_width and known_width ~= argv[7] then return refuse('LABWIDTH', known_width) end
  local names, fresh = base .. 'keys:' .. run, {}
  for i = 12, #argv do
    if redis.call('SISMEMBER', names, argv[i]) == 0 then fresh[#fresh + 1] = argv[i] end
  end
  if #fresh > 0 and redis.call('SCARD', names) + #fresh > MAX_KEYS then return refuse('LABKEYS', digits(MAX_KEYS)) end
  if store[3] + n > cap then return {'DEAD', digits(store[3]), cap} end
  if store[2] + store[3] + n > cap then
    redis.call('HINCRBY', ledger, 'refused', n)
    return {'BUSY', digits(store[2] + store[3]), cap}
  end
  local now, producers, runs = clock_us(), base .. 'producers', base .. 'runs'
  local known_producer = redis.call('ZSCORE', producers, producer)
  redis.call('ZSCORE', runs, run)
  redis.call('XLEN', base .. 'ev')
  if not known_producer and redis.call('ZCARD', producers) >= MAX_PRODUCERS then
    redis.call('ZREMRANGEBYSCORE', producers, '-inf', tonumber(now) - RING_TTL_MS * 1000)
    if redis.call('ZCARD', producers) >= MAX_PRODUCERS then return refuse('LABPRODUCERS', digits(MAX_PRODUCERS)) end
  end

  local id
  if argv[10] == '' then
    id = redis.call('XADD', base .. 'ev', '*', 'n', argv[5], 'run', run, 'w', argv[7], 't', now, 'd', argv[11])
  else
    id = redis.call('XADD', base .. 'ev', '*', 'n', argv[5], 'run', run, 'w', argv[7], 't', now, 'tp', argv[10],
      'd', argv[11])
  end
  redis.call('HSET', ring, slot, argv[3] .. ' ' .. argv[4] .. ' -')
  redis.call('PEXPIRE', ring, RING_TTL_MS)
  redis.call('ZADD', producers, now, producer)
  if not known_width then
    redis.call('HSET', runkey, 'width', argv[7])
    redis.call('ZADD', runs, now, run)
  end
  for i = 1, #fresh do redis.call('SADD', names, fresh[i]) end
  redis.call('HINCRBY', runkey, 'accepted', n)
  redis.call('HINCRBY', runkey, 'backlog', n)
  redis.call('HINCRBY', ledger, 'backlog', n)
  return {'OK', id, redis.call('HINCRBY', ledger, 'accepted', n)}
end

-- Merges aggregates with those that a hash holds: {field, aggregate, ...} to be written; or nil and an error.
local function merged(key, argv, at, seen)
  local count, blob = whole(argv[at]), argv[at + 1]
  if not count or not blob or #blob ~= PACKED_BYTES * count or #argv < at + 1 + count then
    return nil, refuse('LABARG', 'a block of aggregates does not have the size it says')
  end
  if not typed(key, 'hash') then return nil, clash(key, 'hash') end
  local write, events = {}, 0
  for first = 1, count, CHUNK do
    local last = math.min(count, first + CHUNK - 1)
    local held = redis.call('HMGET', key, unpack(argv, at + 1 + first, at + 1 + last))
    for i = first, last do
      local field, old = argv[at + 1 + i], held[i - first + 1]
      if seen[field] then return nil, refuse('LABARG', 'the same aggregate twice in ' .. key) end
      seen[field] = true
      local n, high, low, minimum, maximum = struct.unpack(PACKED, blob, PACKED_BYTES * (i - 1) + 1)
      if not (n >= 1 and n <= MAX_EVENTS and n == math.floor(n) and high == math.floor(high) and low >= 0 and low < LIMB
          and low == math.floor(low) and minimum <= maximum) then
        return nil, refuse('LABARG', 'an impossible aggregate')
      end
      events = events + n
      if old then
        if #old ~= PACKED_BYTES then return nil, refuse('LABTYPE', key .. ' holds something that is no aggregate') end
        local n0, high0, low0, minimum0, maximum0 = struct.unpack(PACKED, old)
        n, high, low = n + n0, high + high0, low + low0
        if low >= LIMB then low = low - LIMB; high = high + 1 end
        if minimum0 < minimum then minimum = minimum0 end
        if maximum0 > maximum then maximum = maximum0 end
      end
      if not (high > -EXACT and high < EXACT and n < EXACT) then return nil, refuse('LABRANGE', field) end
      write[#write + 1] = field
      write[#write + 1] = struct.pack(PACKED, n, high, low, minimum, maximum)
    end
  end
  return {key = key, write = write, events = events, aggregates = count, next = at + 2 + count}
end

-- ARGV epoch run instance E id*E counts(u16 LE blob) B (id index reason payload)*B
--      T aggregates(40*T bytes) name*T  W (window C aggregates name*C)*W
-- Removes entries and adds their events to the aggregates. Where an entry is not pending any more, nothing happens and
-- the reply is {-1, stale ids...}.
local function commit(keys, argv)
  local base, run, instance, entries = keys[1], argv[2], argv[3], whole(argv[4])
  local failed = guard(base, argv[1]); if failed then return failed end
  if not entries or entries < 1 or entries > MAX_ENTRIES then return refuse('LABARG', '1..1024 entries a commit') end
  local ev, ledger, runkey, dead = base .. 'ev', base .. 'ledger', base .. 'run:' .. run, base .. 'dead'
  local dirty, wins, suspect = base .. 'dirty:' .. run, base .. 'wins:' .. run, base .. 'suspect'
  for key, wanted in pairs({[ev] = 'stream', [dead] = 'stream', [ledger] = 'hash', [runkey] = 'hash', [dirty] = 'zset',
      [wins] = 'zset', [suspect] = 'hash'}) do
    if not typed(key, wanted) then return clash(key, wanted) end
  end
  account(ledger, 'counted', 'backlog', 'dead', 'ver', 'stale', 'ghost')
  account(runkey, 'counted', 'backlog', 'dead', 'ver', 'w:' .. instance)

  local ids, place, stale = {}, {}, {}
  for i = 1, entries do
    local id = argv[4 + i]
    if place[id] then return refuse('LABARG', 'the same entry twice') end
    ids[i], place[id] = id, i
    if #redis.call('XPENDING', ev, GROUP, id, id, 1) == 0 then stale[#stale + 1] = id end
  end
  if #stale > 0 then
    redis.call('HINCRBY', ledger, 'stale', #stale)
    return {-1, unpack(stale)}
  end

  local counts, at, total = argv[5 + entries], 6 + entries, 0
  if not counts or #counts ~= 2 * entries then return refuse('LABARG', 'the counts do not have the size they say') end
  local held = {}
  for i = 1, entries do
    held[i] = struct.unpack('<H', counts, 2 * i - 1)
    total = total + held[i]
  end
  if total < 1 or total > MAX_EVENTS then return refuse('LABARG', '1..524288 events a commit') end

  local bad, bad_count, isolated = {}, whole(argv[at]), {}
  if not bad_count or bad_count > total then return refuse('LABARG', 'more bad events than events') end
  at = at + 1
  for i = 1, bad_count do
    local id, index = argv[at], whole(argv[at + 1])
    if not place[id] or not index or index >= held[place[id]] or isolated[id .. ':' .. index] or not argv[at + 3] then
      return refuse('LABARG', 'a bad event that is in no entry of this commit')
    end
    isolated[id .. ':' .. index] = true
    bad[i] = {id, argv[at + 1], argv[at + 2], argv[at + 3]}
    at = at + 4
  end

  local totals, refusal = merged(base .. 'tot:' .. run, argv, at, {})
  if not totals then return refusal end
  local windows = whole(argv[totals.next])
  if not windows then return refuse('LABARG', 'the number of windows is missing') end
  at = totals.next + 1
  local low, blocks, aggregates, events = tonumber(redis.call('HGET', runkey, 'low') or '-inf') or -math.huge, {}, 0, 0
  local numbers = {}
  for i = 1, windows do
    local number = argv[at]
    if not number or not tonumber(number) or numbers[number] then return refuse('LABARG', 'a window twice or none') end
    numbers[number] = true
    local block
    block, refusal = merged(base .. 'agg:' .. run .. ':' .. number, argv, at + 1, {})
    if not block then return refusal end
    block.number = number
    aggregates, events, at = aggregates + block.aggregates, events + block.events, block.next
    if tonumber(number) >= low then blocks[#blocks + 1] = block end
  end
  if aggregates > MAX_AGGREGATES or totals.aggregates > MAX_AGGREGATES then
    return refuse('LABARG', '4096 aggregates a commit')
  end
  if events ~= total - bad_count or totals.events ~= events then
    return refuse('LABSUM', 'aggregates and entries disagree')
  end
  local width = redis.call('HGET', runkey, 'width') or '0'

  local acknowledged = redis.call('XACK', ev, GROUP, unpack(ids))
  local removed = redis.call('XDEL', ev, unpack(ids))
  redis.call('HDEL', suspect, unpack(ids))
  if removed ~= acknowledged then redis.call('HINCRBY', ledger, 'ghost', acknowledged - removed) end
  local now, version = clock_us(), redis.call('HINCRBY', runkey, 'ver', 1)
  redis.call('HINCRBY', ledger, 'ver', 1)
  blocks[#blocks + 1] = totals
  for _, block in ipairs(blocks) do
    for first = 1, #block.write, 2 * CHUNK do
      redis.call('HSET', block.key, unpack(block.write, first, math.min(#block.write, first + 2 * CHUNK - 1)))
    end
    if block.number then
      redis.call('ZADD', dirty, version, block.number)
      redis.call('ZADD', wins, block.number, block.number)
    end
  end
  for _, event in ipairs(bad) do
    redis.call('XADD', dead, '*', 'id', event[1], 'i', event[2], 'why', event[3], 'n', 1, 'run', run, 'w', width,
      't', now, 'd', event[4])
  end
  local counted = total - bad_count
  for _, key in ipairs({ledger, runkey}) do
    redis.call('HINCRBY', key, 'counted', counted)
    redis.call('HINCRBY', key, 'dead', bad_count)
    redis.call('HINCRBY', key, 'backlog', -total)
  end
  redis.call('HINCRBY', runkey, 'w:' .. instance, counted)
  redis.call('HSET', runkey, 'last', now)
  return {counted, version, redis.call('ZCARD', wins)}
end

local function field_of(entry, name)
  for i = 1, #entry, 2 do if entry[i] == name then return entry[i + 1] end end
end

local function move_count(base, run, from, to, n)
  for _, key in ipairs({base .. 'ledger', base .. 'run:' .. run}) do
    redis.call('HINCRBY', key, from, -n)
    redis.call('HINCRBY', key, to, n)
  end
end

-- ARGV epoch id reason
-- Makes a whole entry a dead letter. Returns the events moved, 0 where the entry is not pending.
local function dead_letter(keys, argv)
  local base, id = keys[1], argv[2]
  local failed = guard(base, argv[1]); if failed then return failed end
  local ev, dead = base .. 'ev', base .. 'dead'
  if not typed(dead, 'stream') then return clash(dead, 'stream') end
  if #redis.call('XPENDING', ev, GROUP, id, id, 1) == 0 then return 0 end
  local entry = redis.call('XRANGE', ev, id, id)[1]
  local n, run = 0, ''
  if entry then
    n, run = whole(field_of(entry[2], 'n')) or 0, field_of(entry[2], 'run') or ''
  end
  account(base .. 'ledger', 'backlog', 'dead', 'ghost')
  account(base .. 'run:' .. run, 'backlog', 'dead')
  redis.call('XACK', ev, GROUP, id)
  redis.call('HDEL', base .. 'suspect', id)
  if not entry then redis.call('HINCRBY', base .. 'ledger', 'ghost', 1); return 0 end
  redis.call('XDEL', ev, id)
  redis.call('XADD', dead, '*', 'id', id, 'i', '-1', 'why', argv[3], unpack(entry[2]))
  if n > 0 then move_count(base, run, 'backlog', 'dead', n) end
  return n
end

-- ARGV epoch dead_id
-- Puts a dead letter back into the stream. Returns the events moved, 0 where the letter is gone.
local function requeue(keys, argv)
  local base, id = keys[1], argv[2]
  local failed = guard(base, argv[1]); if failed then return failed end
  local ev, dead = base .. 'ev', base .. 'dead'
  local letter = redis.call('XRANGE', dead, id, id)[1]
  if not letter then return 0 end
  if not typed(ev, 'stream') then return clash(ev, 'stream') end
  local n, run = whole(field_of(letter[2], 'n')) or 0, field_of(letter[2], 'run') or ''
  account(base .. 'ledger', 'backlog', 'dead', 'requeued')
  account(base .. 'run:' .. run, 'backlog', 'dead')
  local fields = {}
  for i = 1, #letter[2], 2 do
    local name = letter[2][i]
    if name ~= 'id' and name ~= 'i' and name ~= 'why' then
      fields[#fields + 1] = name
      fields[#fields + 1] = letter[2][i + 1]
    end
  end
  redis.call('XADD', ev, '*', unpack(fields))
  redis.call('XDEL', dead, id)
  if n > 0 then move_count(base, run, 'dead', 'backlog', n) end
  redis.call('HINCRBY', base .. 'ledger', 'requeued', n)
  return n
end

-- ARGV epoch consumer
-- Forgets a consumer. Returns 1, or 0 where the consumer still holds entries.
local function reap(keys, argv)
  local base, consumer = keys[1], argv[2]
  local failed = guard(base, argv[1]); if failed then return failed end
  if #redis.call('XPENDING', base .. 'ev', GROUP, '-', '+', 1, consumer) > 0 then return 0 end
  redis.call('XGROUP', 'DELCONSUMER', base .. 'ev', GROUP, consumer)
  redis.call('HDEL', base .. 'beat', consumer)
  return 1
end

-- ARGV epoch run keep
-- Removes the oldest windows beyond `keep`, at most 500 a call. Returns their number.
local function prune(keys, argv)
  local base, run, keep = keys[1], argv[2], whole(argv[3])
  local failed = guard(base, argv[1]); if failed then return failed end
  if not keep or keep < 1 then return refuse('LABARG', 'keep at least one window') end
  local runkey, dirty, wins = base .. 'run:' .. run, base .. 'dirty:' .. run, base .. 'wins:' .. run
  account(runkey, 'ver')
  redis.call('ZCARD', dirty)
  local excess = math.min(redis.call('ZCARD', wins) - keep, CHUNK)
  if excess < 1 then return 0 end
  local gone = redis.call('ZRANGE', wins, 0, excess - 1)
  for _, number in ipairs(gone) do
    redis.call('DEL', base .. 'agg:' .. run .. ':' .. number)
    redis.call('ZREM', dirty, number)
    redis.call('ZREM', wins, number)
  end
  redis.call('HSET', runkey, 'low', string.format('%.0f', tonumber(gone[#gone]) + 1))
  redis.call('HINCRBY', runkey, 'ver', 1)
  return #gone
end

local function balance(key)
  return redis.call('HMGET', key, 'accepted', 'counted', 'dead', 'backlog', 'dup')
end

-- ARGV run since limit
-- Returns the changes of a run after version `since`: whole versions, until there are `limit` aggregates or more.
local function changes(keys, argv)
  local base, run, since, limit = keys[1], argv[1], whole(argv[2]), whole(argv[3])
  local epoch = redis.call('GET', base .. 'epoch')
  if not epoch then return refuse('LABEMPTY', 'the store is empty or was reset') end
  if not since or not limit then return refuse('LABARG', 'since or limit') end
  if run == '' then
    local version = redis.call('HGET', base .. 'ledger', 'ver') or '0'
    return {epoch, 1, version, balance(base .. 'ledger'), '0', '', '0', 0, {}, {}, {}}
  end
  local runkey = base .. 'run:' .. run
  local facts = redis.call('HMGET', runkey, 'width', 'ver', 'low', 'last')
  if not facts[1] then return {epoch, 0, '0', balance(runkey), '0', '', '0', 0, {}, {}, {}} end
  local version, more, windows, aggregates = facts[2] or '0', 0, {}, 0
  if tonumber(version) > since then
    local changed = redis.call('ZRANGEBYSCORE', base .. 'dirty:' .. run, '(' .. digits(since), '+inf', 'WITHSCORES')
    local previous
    for i = 1, #changed, 2 do
      if aggregates >= limit and changed[i + 1] ~= previous then version, more = previous, 1; break end
      previous = changed[i + 1]
      local block = redis.call('HGETALL', base .. 'agg:' .. run .. ':' .. changed[i])
      aggregates = aggregates + #block / 2
      windows[#windows + 1] = {changed[i], block}
    end
  end
  local totals, instances = {}, {}
  if more == 0 then
    if tonumber(version) > since then totals = redis.call('HGETALL', base .. 'tot:' .. run) end
    local all = redis.call('HGETALL', runkey)
    for i = 1, #all, 2 do
      if string.sub(all[i], 1, 2) == 'w:' then
        instances[#instances + 1] = string.sub(all[i], 3)
        instances[#instances + 1] = all[i + 1]
      end
    end
  end
  return {epoch, 1, version, balance(runkey), facts[1], facts[3] or '', facts[4] or '0', more, windows, totals, instances}
end

local function events_in(stream)
  local events, from = 0, '-'
  while true do
    local page = redis.call('XRANGE', stream, from, '+', 'COUNT', 200)
    for _, entry in ipairs(page) do events = events + (whole(field_of(entry[2], 'n')) or 0) end
    if #page < 200 then return events end
    from = '(' .. page[#page][1]
  end
end

-- Returns the account, backlog and dead events recomputed from every entry, and the number of pending entries.
local function audit(keys, argv)
  local base = keys[1]
  if not redis.call('GET', base .. 'epoch') then return refuse('LABEMPTY', 'the store is empty or was reset') end
  local pending = redis.call('XPENDING', base .. 'ev', GROUP)
  return {balance(base .. 'ledger'), events_in(base .. 'ev'), events_in(base .. 'dead'), pending[1]}
end

-- ARGV after count
-- Returns the dead letters that follow the id `after`, the oldest first.
local function dead_letters(keys, argv)
  local from = argv[1] == '' and '-' or '(' .. argv[1]
  return redis.call('XRANGE', keys[1] .. 'dead', from, '+', 'COUNT', argv[2])
end

local function facts(keys, argv)
  return redis.call('HGETALL', keys[1] .. 'facts')
end

redis.register_function('lab_append', append)
redis.register_function{function_name = 'lab_commit', callback = commit, flags = {'allow-oom'}}
redis.register_function{function_name = 'lab_bury', callback = dead_letter, flags = {'allow-oom'}}
redis.register_function{function_name = 'lab_requeue', callback = requeue, flags = {'allow-oom'}}
redis.register_function{function_name = 'lab_reap', callback = reap, flags = {'allow-oom'}}
redis.register_function{function_name = 'lab_prune', callback = prune, flags = {'allow-oom'}}
redis.register_function{function_name = 'lab_changes', callback = changes, flags = {'no-writes'}}
redis.register_function{function_name = 'lab_audit', callback = audit, flags = {'no-writes'}}
redis.register_function{function_name = 'lab_dead_letters', callback = dead_letters, flags = {'no-writes'}}
redis.register_function{function_name = 'lab_facts', callback = facts, flags = {'no-writes'}}
