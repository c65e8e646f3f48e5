-- ------------------------------------------------------------------------------------------------ dead letters

local BYTES_OF = {backlog = 'bytes', dead = 'dead_bytes'}

-- Reads what `move_events` changes, before the first write. Returns the accounts of the store and of a run.
local function accounts(base, run)
  return account(base .. 'ledger', 'backlog', 'dead', 'bytes', 'dead_bytes', 'ghost', 'requeued'),
    account(base .. 'run:' .. run, 'backlog', 'dead')
end

-- Moves the events of an entry from one part of both accounts to another. An entry that the ledger did not write may
-- say more than the accounts hold; only what they hold is moved. Returns the events moved.
local function move_events(base, run, store, of_run, fields, from, to)
  local n = math.min(events_of(fields), store[from], of_run[from])
  if n == 0 then return 0 end
  local less, more = BYTES_OF[from], BYTES_OF[to]
  local size = math.min(whole(field_of(fields, 'b')) or 0, store[less])
  redis.call('HSET', base .. 'ledger', from, store[from] - n, to, store[to] + n, less, store[less] - size, more,
    store[more] + size)
  redis.call('HSET', base .. 'run:' .. run, from, of_run[from] - n, to, of_run[to] + n)
  return n
end

-- ARGV epoch id reason
-- Makes a whole entry a dead letter. Returns the events moved, 0 where the entry is not pending.
local function dead_letter(keys, argv)
  local base, id = keys[1], argv[2]
  local failed = guard(base, argv[1]); if failed then return failed end
  if not is_id(id) then return refuse('LABARG', 'an id that no entry has') end
  local ev, dead, suspect, audit = base .. 'ev', base .. 'dead', base .. 'suspect', base .. 'audit'
  if not typed(dead, 'stream') then return clash(dead, 'stream') end
  if not typed(suspect, 'hash') then return clash(suspect, 'hash') end
  if not typed(audit, 'hash') then return clash(audit, 'hash') end
  if #redis.call('XPENDING', ev, GROUP, id, id, 1) == 0 then return 0 end
  local entry = redis.call('XRANGE', ev, id, id)[1]
  local fields = entry and entry[2] or {}
  local run = field_of(fields, 'run') or ''
  local store, of_run = accounts(base, run)

  if entry then
    -- An XADD fails in a stream that has reached the last id, and therefore comes first. Lua cannot pass on thousands
    -- of fields; an entry of ours has seven.
    redis.call('XADD', dead, '*', 'id', id, 'i', '-1', 'why', argv[3], unpack(fields, 1, math.min(#fields, CHUNK)))
  end
  redis.call('XACK', ev, GROUP, id)
  redis.call('HDEL', suspect, id)
  if not entry then redis.call('HSET', base .. 'ledger', 'ghost', store.ghost + 1); return 0 end
  redis.call('XDEL', ev, id)
  tell_audit(base, {id}, {events_of(fields)})
  return move_events(base, run, store, of_run, fields, 'backlog', 'dead')
end

-- ARGV epoch dead_id
-- Puts a dead letter back into the stream. Returns the events moved, 0 where the letter is gone.
local function requeue(keys, argv)
  local base, id = keys[1], argv[2]
  local failed = guard(base, argv[1]); if failed then return failed end
  if not is_id(id) then return refuse('LABARG', 'an id that no letter has') end
  local ev, dead = base .. 'ev', base .. 'dead'
  local letter = redis.call('XRANGE', dead, id, id)[1]
  if not letter then return 0 end
  if not typed(ev, 'stream') then return clash(ev, 'stream') end
  local run = field_of(letter[2], 'run') or ''
  local store, of_run = accounts(base, run)
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
  local moved = move_events(base, run, store, of_run, letter[2], 'dead', 'backlog')
  redis.call('HSET', base .. 'ledger', 'requeued', store.requeued + moved)
  return moved
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
