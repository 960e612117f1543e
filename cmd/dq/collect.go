package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The data lie in the engine's memory, and the heap here stays at some 10 MB as a
// rule: collecting it at each doubling took a twentieth of a day's run. The log of a
// table with hundreds of thousands of files makes it large; then it may double, no more.
const (
	seldom    = 400      // percent by which a small heap grows before it is collected
	often     = 100      // and a large one
	largeHeap = 48 << 20 // bytes in use
)

// paceCollector chooses after each collection when the next one comes; GOGC has
// precedence.
func paceCollector() {
	if os.Getenv("GOGC") != "" {
		return
	}
	percent := seldom
	debug.SetGCPercent(percent)
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	var next func(struct{})
	next = func(struct{}) {
		metrics.Read(live)
		want := seldom
		if live[0].Value.Uint64() > largeHeap {
			want = often
		}
		if want != percent {
			percent = want
			debug.SetGCPercent(percent)
		}
		runtime.AddCleanup(new([64]byte), next, struct{}{}) // called when it is collected: at once
	}
	next(struct{}{})
}
