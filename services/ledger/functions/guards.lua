-- ------------------------------------------------------------------------------------------------------ guards
--
-- What a step looks at before its first write.

local function refuse(code, text) return redis.error_reply(code .. ' ' .. text) end

-- Returns an error where the store is not the one that the caller knows.
local function guard(base, epoch)
  local current = redis.call('GET', base .. 'epoch')
  if not current then return refuse('LABEMPTY', 'the store is empty or was reset') end
  if current ~= epoch then return refuse('LABEPOCH', 'the store was replaced') end
end

-- Returns the counts of an account by name.
local function account(key, ...)
  local values, names, counts = redis.call('HMGET', key, ...), {...}, {}
  for i = 1, #names do
    counts[names[i]] = whole(values[i] or 0) or error({err = 'LABTYPE ' .. key .. ' ' .. names[i] .. ' is not a count'})
  end
  return counts
end

-- Whether a key is of a type, or is not there. A step asks this of each key that it writes and has not read, so that a
-- key of another type stops the step before its first write.
local function typed(key, wanted)
  local actual = redis.call('TYPE', key).ok
  return actual == wanted or actual == 'none'
end

-- Whether a text is the whole id of an entry. Commands take the first half alone, too, and not all mean the same by it.
local function is_id(text) return string.match(text, '^%d+%-%d+$') ~= nil end

local function clash(key, wanted)
  return refuse('LABTYPE', key .. ' is a ' .. redis.call('TYPE', key).ok .. ', not a ' .. wanted)
end
