/**
 * Reserves a request in one step, whoever else does the same.
 *
 * KEYS: the epoch, the request. ARGV: the request's timestamp, the gateway's time, how far ahead of it a request may be,
 * how long a reservation outlives its request's timestamp, all in milliseconds, and the digest of what is asked for.
 *
 * A Redis without the epoch is new or was emptied: it cannot know which requests passed before. Those have timestamps
 * of at most the allowed advance from now, so that becomes the epoch, and nothing up to it passes. The epoch never
 * expires.
 *
 * The request's value is the newest timestamp that passed, a bar and the digest.
 */
export const RESERVE = `
local ts, now = tonumber(ARGV[1]), tonumber(ARGV[2])
local digest = ARGV[5]
local epoch = tonumber(redis.call("GET", KEYS[1]) or "")
if not epoch then
  epoch = now + tonumber(ARGV[3])
  redis.call("SET", KEYS[1], string.format("%.0f", epoch))
end
if ts <= epoch then return {"store_lost", string.format("%.0f", epoch)} end

local function store()
  redis.call("SET", KEYS[2], ARGV[1] .. "|" .. digest, "PX", string.format("%.0f", ts + tonumber(ARGV[4]) - now))
end
local held = redis.call("GET", KEYS[2])
if not held then
  store()
  return {"accepted"}
end
local bar = string.find(held, "|", 1, true)
if string.sub(held, bar + 1) ~= digest then return {"id_reused"} end
if ts <= tonumber(string.sub(held, 1, bar - 1)) then return {"replayed"} end
store()
return {"retry"}`;
