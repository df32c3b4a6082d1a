-- One look at the clock of Redis: every time that a script writes comes from here.
local clock = redis.call('TIME')
local nowSeconds, nowMicros = tonumber(clock[1]), tonumber(clock[2])
local nowMs = nowSeconds * 1000 + (nowMicros - nowMicros % 1000) / 1000

local textOfSecond = {}

-- RQ's text form of a UTC time: YYYY-MM-DDTHH:MM:SS.ffffffZ. Redis has no os.date, hence the civil calendar, with
-- years counted from March, so that leap days come last.
local function utcText(seconds, micros)
  local text = textOfSecond[seconds]
  if not text then
    local floor = math.floor
    local inDay = seconds % 86400
    local inHour = inDay % 3600
    local z = (seconds - inDay) / 86400 + 719468
    local dayOfEra = z % 146097
    local yearOfEra = floor((dayOfEra - floor(dayOfEra / 1460) + floor(dayOfEra / 36524) - floor(dayOfEra / 146096)) / 365)
    local dayOfYear = dayOfEra - (365 * yearOfEra + floor(yearOfEra / 4) - floor(yearOfEra / 100))
    local shifted = floor((5 * dayOfYear + 2) / 153)
    local month = shifted < 10 and shifted + 3 or shifted - 9
    local year = yearOfEra + (z - dayOfEra) / 146097 * 400 + (month <= 2 and 1 or 0)
    text = string.format('%04d-%02d-%02dT%02d:%02d:%02d', year, month, dayOfYear - floor((153 * shifted + 2) / 5) + 1,
      (inDay - inHour) / 3600, (inHour - inHour % 60) / 60, inHour % 60)
    textOfSecond[seconds] = text
  end
  return text .. string.format('.%06dZ', micros)
end

local nowText = utcText(nowSeconds, nowMicros)

-- The time `ms` milliseconds before now, as text.
local function utcTextAgo(ms)
  local micros = nowSeconds * 1000000 + nowMicros - ms * 1000
  local rest = micros % 1000000
  return utcText((micros - rest) / 1000000, rest)
end
