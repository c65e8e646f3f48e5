-- ------------------------------------------------------------------------------------------------ dead letters

local function move_events(base, run, from, to, n, size)
  for _, key in ipairs({base .. 'ledger', base .. 'run:' .. run}) do
    redis.call('HINCRBY', key, from, -n)
    redis.call('HINCRBY', key, to, n)
  end
  local store = account(base .. 'ledger', 'bytes', 'dead_bytes')
  local sign = to == 'dead' and 1 or -1
  redis.call('HSET', base .. 'ledger', 'bytes', math.max(0, store.bytes - sign * size), 'dead_bytes',
    math.max(0, store.dead_bytes + sign * size))
end

-- ARGV epoch id reason
-- Makes a whole entry a dead letter. Returns the events moved, 0 where the entry is not pending.
local function dead_letter(keys, argv)
  local base, id = keys[1], argv[2]
  local failed = guard(base, argv[1]); if failed then return failed end
  local ev, dead, audit = base .. 'ev', base .. 'dead', base .. 'audit'
  if not typed(dead, 'stream') then return clash(dead, 'stream') end
  if not typed(audit, 'hash') then return clash(audit, 'hash') end
  if #redis.call('XPENDING', ev, GROUP, id, id, 1) == 0 then return 0 end
  local entry = redis.call('XRANGE', ev, id, id)[1]
  local n, run, size = 0, '', 0
  if entry then
    n, run = whole(field_of(entry[2], 'n')) or 0, field_of(entry[2], 'run') or ''
    size = whole(field_of(entry[2], 'b')) or 0
  end
  account(base .. 'ledger', 'backlog', 'dead', 'ghost', 'bytes', 'dead_bytes')
  account(base .. 'run:' .. run, 'backlog', 'dead')
  redis.call('XACK', ev, GROUP, id)
  redis.call('HDEL', base .. 'suspect', id)
  if not entry then redis.call('HINCRBY', base .. 'ledger', 'ghost', 1); return 0 end
  redis.call('XDEL', ev, id)
  tell_audit(base, {id}, {n})
  redis.call('XADD', dead, '*', 'id', id, 'i', '-1', 'why', argv[3], unpack(entry[2]))
  if n > 0 then move_events(base, run, 'backlog', 'dead', n, size) end
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
  local size = whole(field_of(letter[2], 'b')) or 0
  account(base .. 'ledger', 'backlog', 'dead', 'requeued', 'bytes', 'dead_bytes')
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
  if n > 0 then move_events(base, run, 'dead', 'backlog', n, size) end
  redis.call('HINCRBY', base .. 'ledger', 'requeued', n)
  return n
end

-- ARGV after count
-- Returns the dead letters that follow the id `after`, the oldest first.
local function dead_letters(keys, argv)
  local from = argv[1] == '' and '-' or '(' .. argv[1]
  return redis.call('XRANGE', keys[1] .. 'dead', from, '+', 'COUNT', argv[2])
end

register('dead_letter', dead_letter, 'allow-oom')
register('requeue', requeue, 'allow-oom')
register('dead_letters', dead_letters, 'no-writes')
