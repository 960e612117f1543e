# METADATA
# title: It looks outside
# custom: {id: ACME-1, severity: error}
package dq.policy.calls

findings contains {"msg": "x"} if http.send({"method": "get", "url": "http://example.com"}).status_code == 200

findings contains {"msg": "x"} if time.now_ns() > 0

findings contains {"msg": "x"} if opa.runtime().env.HOME

findings contains {"msg": "x"} if strings.reversed("x")
