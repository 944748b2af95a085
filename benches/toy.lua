-- The least that can pass for the job: three presets, a pattern, a new path and a new authority. It strips nothing,
-- hides nothing and signs nothing. pinhole's price is measured by this one's.
local widths = { small = 300, medium = 600, large = 900 }

function envoy_on_request(handle)
  local headers = handle:headers()
  local preset, source = string.match(headers:get(":path"), "^/images/([^/]+)/(.+)$")
  local width = preset and widths[preset]
  if not width then
    handle:respond({ [":status"] = "404" }, "not found\n")
    return
  end
  headers:replace(":path", "/unsafe/" .. width .. "x/http%3A%2F%2Forigin.internal%2Fhidden-directory%2F" .. source)
  headers:replace(":authority", "thumbor.internal")
end
