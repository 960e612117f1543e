package dq.policy.broken

findings contains {"msg": "x" if true
