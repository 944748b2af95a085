-- pinhole's job as far as Lua in Envoy can do it: the path is checked strictly, a preset decides, refusals have a fixed
-- form, the resizer is told no header of the visitor's, the visitor none of the resizer's but for an allow-list.
-- Not done, because Lua in Envoy has nothing to do it with: the source is not sealed and the URL not signed (no
-- cryptography). Not done here although it could be: queries, limits, validators, credentials, more than one route.
local widths = { small = 300, medium = 600, large = 900 }
local formats = { large = "webp" }

-- Of the request, what goes on; everything else is removed.
local kept_upstream = {
  [":method"] = true, [":path"] = true, [":authority"] = true, [":scheme"] = true,
  ["x-request-id"] = true, ["x-forwarded-proto"] = true, ["traceparent"] = true, ["tracestate"] = true,
}
-- Of the response.
local kept_downstream = {
  [":status"] = true, ["content-type"] = true, ["content-length"] = true, ["etag"] = true, ["date"] = true,
}

local function refuse(handle, status, reason, text)
  handle:respond({
    [":status"] = status,
    ["x-pinhole-reason"] = reason,
    ["content-type"] = "text/plain; charset=utf-8",
    ["cache-control"] = "no-store",
    ["x-content-type-options"] = "nosniff",
  }, text)
end

local function keep_only(headers, kept)
  -- Nothing may be removed while the headers are walked through.
  local others = {}
  for name, _ in pairs(headers) do
    if not kept[name] then
      others[#others + 1] = name
    end
  end
  for _, name in ipairs(others) do
    headers:remove(name)
  end
end

-- A source is segments of harmless bytes, none of them empty, `.` or `..`.
local function is_source(source)
  if string.find(source, "[^%w%-_%.~/]") or string.find(source, "//", 1, true) or string.sub(source, -1) == "/" then
    return false
  end
  for segment in string.gmatch(source, "[^/]+") do
    if segment == "." or segment == ".." then
      return false
    end
  end
  return true
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local method, path = headers:get(":method"), headers:get(":path")
  if method ~= "GET" and method ~= "HEAD" then
    return refuse(handle, "405", "method", "only GET and HEAD\n")
  end
  local preset, source = string.match(path, "^/images/([^/?#]+)/([^?#]+)$")
  if not preset or not is_source(source) then
    return refuse(handle, "404", "no-route", "nothing is served at this path\n")
  end
  local width = widths[preset]
  if not width then
    return refuse(handle, "404", "unknown-preset", "there is no such preset\n")
  end
  local format = formats[preset]
  local filters = format and ("/filters:format(" .. format .. ")") or ""
  keep_only(headers, kept_upstream)
  headers:replace(":path", "/unsafe/" .. width .. "x" .. filters
    .. "/http%3A%2F%2Forigin.internal%2Fhidden-directory%2F" .. string.gsub(source, "/", "%%2F"))
  headers:replace(":authority", "thumbor.internal")
  headers:replace("user-agent", "pinhole")
  headers:replace("x-envoy-original-path", path)
end

function envoy_on_response(handle)
  local headers = handle:headers()
  if headers:get("x-pinhole-reason") then
    return -- our own; or a resizer's that sends this header, which pinhole would know, and Lua only at a price
  end
  local kind = headers:get("content-type")
  if headers:get(":status") ~= "200" or not kind or string.sub(kind, 1, 6) ~= "image/" then
    headers:replace(":status", "502")
    headers:replace("x-pinhole-reason", "upstream-failed")
    headers:replace("cache-control", "no-store")
    headers:replace("content-type", "text/plain; charset=utf-8")
    handle:body(true):setBytes("the picture cannot be had\n")
    return
  end
  keep_only(headers, kept_downstream)
  headers:replace("cache-control", "public, max-age=3600")
  headers:replace("x-content-type-options", "nosniff")
end
