package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/delta"
)

// counting counts what is read of a store.
type counting struct {
	delta.Store
	reads, listed int
}

func (c *counting) Read(ctx context.Context, name string) ([]byte, error) {
	c.reads++
	return c.Store.Read(ctx, name)
}

func (c *counting) List(ctx context.Context, dir, from string) ([]delta.Info, error) {
	infos, err := c.Store.List(ctx, dir, from)
	c.listed += len(infos)
	return infos, err
}

// TestLedgerStaysCheap reads ledgers of many batches: what is read does not
// grow with their number, and every file that was consumed is known.
func TestLedgerStaysCheap(t *testing.T) {
	ctx := context.Background()
	const batches = 3*ledgerStride + 20
	store := &counting{Store: delta.Dir(t.TempDir())}
	s := &state{store: store}
	var all []ledgerFile
	for n := int64(1); n <= batches; n++ {
		run := fmt.Sprintf("run%d", n)
		file := ledgerFile{Path: fmt.Sprintf("day%d.csv", n)}
		all = append(all, file)
		landed := ledgerEntry{N: n, Run: run, Files: []ledgerFile{file}}
		if n%ledgerStride == 0 {
			landed.Files, landed.All = all, true
		}
		for table, e := range map[string]ledgerEntry{"bronze.days": landed, "silver.days": {N: n, Run: run}} {
			if err := s.writeJSON(ctx, ledgerName(table, n, run), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		table        string
		landed       bool
		reads, files int
	}{
		{"bronze.days", true, 21, batches}, // those since the last that repeats all files
		{"silver.days", false, 1, 0},
	} {
		store.reads, store.listed = 0, 0
		led, err := s.readLedger(ctx, c.table, batches, c.landed, nil)
		if err != nil {
			t.Fatal(err)
		}
		if led.last.N != batches || len(led.files) != c.files {
			t.Errorf("%s: batch %d with %d files, want %d with %d", c.table, led.last.N, len(led.files), batches, c.files)
		}
		if store.reads != c.reads || store.listed != c.reads {
			t.Errorf("%s: %d entries are listed and %d read, want %d", c.table, store.listed, store.reads, c.reads)
		}
	}
}

// faster is a store in which another run takes a lease at the last moment.
type faster struct {
	delta.Store
	lease leaseDoc
}

func (f *faster) PutNew(ctx context.Context, name string, data []byte) error {
	other, err := json.Marshal(f.lease)
	if err != nil {
		return err
	}
	if err := f.Store.PutNew(ctx, name, other); err != nil {
		return err
	}
	return f.Store.PutNew(ctx, name, data)
}

// TestALeaseTakenMeanwhile: who was faster is named.
func TestALeaseTakenMeanwhile(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	store := &faster{delta.Dir(t.TempDir()), leaseDoc{Holder: "20260102T030405000Z-other", Host: "elsewhere", PID: 77, Expires: now.Add(leaseTime)}}
	s := &state{store: store, pipeline: "shop"}
	_, _, err := s.acquire(context.Background(), "20260102T030405000Z-mine", 0, func() time.Time { return now })
	if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "20260102T030405000Z-other on elsewhere (process 77)") {
		t.Error(err)
	}
}

// TestAlive: who was killed holds no lease, even before somebody has waited for it.
func TestAlive(t *testing.T) {
	if !alive(os.Getpid()) {
		t.Error("this process is taken for dead")
	}
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a process that nobody waited for")
	}
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); alive(cmd.Process.Pid); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("a process that was killed is taken for alive")
		}
	}
}
