package location_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/delta/s3/s3test"
	"github.com/dq-dev/dq/table"
)

// A program gives os.Getenv. What one machine publishes, another fetches.
func Example() {
	ctx := context.Background()
	server := s3test.New("lake")
	defer server.Close()
	cache, err := os.MkdirTemp("", "cache")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(cache)
	getenv := func(name string) string {
		if name == "DQ_CACHE_DIR" {
			return cache
		}
		return server.Getenv(name)
	}

	here, err := location.Open("s3://lake/orders", getenv)
	if err != nil {
		panic(err)
	}
	defer here.Close()
	dir, err := here.Dir()
	if err != nil {
		panic(err)
	}
	file := table.File{Path: "part-0.parquet", Size: 4}
	if err := os.WriteFile(filepath.Join(dir, file.Path), []byte("PAR1"), 0o600); err != nil {
		panic(err)
	}
	fmt.Println(here, here.Publish(ctx, file))

	there, err := location.Open("s3://lake/orders", getenv)
	if err != nil {
		panic(err)
	}
	defer there.Close()
	if err := there.Fetch(ctx, file); err != nil {
		panic(err)
	}
	dir, err = there.Dir()
	if err != nil {
		panic(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, file.Path))
	fmt.Println(string(data), err)
	// Output:
	// s3://lake/orders <nil>
	// PAR1 <nil>
}
