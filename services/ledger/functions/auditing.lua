-- ---------------------------------------------------------------------------------------------------- auditing

-- Whether a stream's id comes after another. Both are whole ids.
local function comes_after(id, other)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  local other_ms, other_seq = string.match(other, '^(%d+)-(%d+)$')
  if ms ~= other_ms then return tonumber(ms) > tonumber(other_ms) end
  return tonumber(seq) > tonumber(other_seq)
end

-- An audit that is under way has added up the entries up to its place in the stream; what is removed there is taken
-- off. This comes after the first write of a step. A hash that holds no audit is therefore left as it is.
local function tell_audit(base, ids, events)
  local audit = base .. 'audit'
  local place, sum = unpack(redis.call('HMGET', audit, 'place', 'events'))
  sum = whole(sum)
  if not place or not is_id(place) or not sum then return end
  local gone = 0
  for i, id in ipairs(ids) do
    if not comes_after(id, place) then gone = gone + events[i] end
  end
  if gone > 0 then redis.call('HSET', audit, 'events', digits(sum - gone)) end
end

local SLICE_ENTRIES, SLICE_BYTES, PAGE_ENTRIES = 1000, 1048576, 50

-- Adds up the events of the stream after `place`, until a slice is full. Returns the sum, the last place, and whether
-- the stream ended.
local function sum_slice(stream, place)
  local sum, entries, bytes = 0, 0, 0
  while entries < SLICE_ENTRIES and bytes < SLICE_BYTES do
    local page = redis.call('XRANGE', stream, place and '(' .. place or '-', '+', 'COUNT', PAGE_ENTRIES)
    for _, entry in ipairs(page) do
      sum, place = sum + events_of(entry[2]), entry[1]
      bytes = bytes + #(field_of(entry[2], 'd') or '')
    end
    if #page < PAGE_ENTRIES then return sum, place, true end
    entries = entries + PAGE_ENTRIES
  end
  return sum, place, false
end

-- ARGV epoch start
-- Adds up the events of the stream, a slice a call; '1' begins. What is removed up to the audit's place is taken off by
-- the step that removes it, so that the sum is right at any time. Returns nothing until the end is reached; then the
-- account, and the backlog as added up.
local function audit(keys, argv)
  local base = keys[1]
  local failed = guard(base, argv[1]); if failed then return failed end
  local progress = base .. 'audit'
  if not typed(progress, 'hash') then return clash(progress, 'hash') end
  local before = argv[2] == '1' and {} or redis.call('HMGET', progress, 'place', 'events')
  local sum, place, ended = sum_slice(base .. 'ev', before[1])
  sum = sum + tonumber(before[2] or '0')
  redis.call('DEL', progress)
  if ended then return {balance(base .. 'ledger'), sum} end
  redis.call('HSET', progress, 'place', place, 'events', digits(sum))
  return {}
end

register('audit', audit, 'allow-oom')
