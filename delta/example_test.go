package delta_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/table"
)

func Example() {
	ctx := context.Background()
	root, err := os.MkdirTemp("", "orders")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)

	t := delta.Open(delta.Dir(root))
	s, err := t.Snapshot(ctx, delta.Latest())
	if errors.Is(err, delta.ErrNoTable) {
		x := t.Create("CREATE TABLE", table.Schema{Fields: []table.Field{
			{Name: "id", Type: table.Type{Kind: table.Int64}, Nullable: true},
		}}, nil, nil)
		if _, err = x.Commit(ctx); err != nil {
			log.Fatal(err)
		}
		s = x.Snapshot()
	}

	// An engine has written this file below the root; no reader sees it yet.
	x := s.Begin("WRITE")
	x.Add(table.File{Path: "run-1/part-0.parquet", Size: 1024, Modified: time.Now(), Stats: &table.Stats{Rows: 10}})
	x.SetTxn("nightly", 1)
	version, err := x.Commit(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("version", version)

	s, err = t.Snapshot(ctx, delta.Version(version))
	if err != nil {
		log.Fatal(err)
	}
	for f, err := range s.Files(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(f.Path, f.Stats.Rows)
	}
	// Output:
	// version 1
	// run-1/part-0.parquet 10
}
