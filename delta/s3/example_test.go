package s3_test

import (
	"context"
	"fmt"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/s3"
	"github.com/dq-dev/dq/delta/s3/s3test"
)

// A program gives os.Getenv, which knows a real server.
func Example() {
	ctx := context.Background()
	server := s3test.New("lake")
	defer server.Close()

	store, err := s3.Open("s3://lake/orders", server.Getenv)
	if err != nil {
		panic(err)
	}
	fmt.Println(store.PutNew(ctx, "_delta_log/note.txt", []byte("first")))
	fmt.Println(store.PutNew(ctx, "_delta_log/note.txt", []byte("second")))
	_, err = delta.Open(store).Snapshot(ctx, delta.Latest())
	fmt.Println(err)
	// Output:
	// <nil>
	// s3://lake/orders/_delta_log/note.txt: file already exists
	// delta: no Delta table: there is no log in _delta_log
}
