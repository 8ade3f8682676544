-- For wrk: posts one body over and over. Arguments after `--`: the file of the body, then the
-- headers as name=value. Ends with one line of JSON: requests, failures and latencies in microseconds.

function init(args)
   local file = assert(io.open(args[1], "rb"))
   wrk.method = "POST"
   wrk.body = file:read("*a")
   file:close()
   for at = 2, #args do
      local name, value = args[at]:match("^([^=]+)=(.*)$")
      wrk.headers[name] = value
   end
end

function done(summary, latency, _)
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   io.write(string.format(
      '\n{"requests":%d,"failures":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"max_us":%d}\n',
      summary.requests, failed, summary.duration / 1e6,
      latency:percentile(50), latency:percentile(99), latency.max))
end
