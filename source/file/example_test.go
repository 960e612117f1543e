package file_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dq-dev/dq/source/file"
)

func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			panic(err)
		}
	}
	source := file.Config{Glob: filepath.Join(dir, "*.csv")}
	known := file.Known{}
	consume := func() {
		batch, err := file.Fetch(context.Background(), source, known)
		if err != nil {
			panic(err)
		}
		for _, g := range batch.Groups {
			for _, f := range g.Files {
				fmt.Println(f.Path, g.Columns, f.Records)
				known[f.Path] = f.ID()
			}
		}
		fmt.Println("unchanged:", batch.Unchanged)
	}

	write("monday.csv", "id,price\n1,2.50\n2,3.75\n")
	consume()
	write("tuesday.csv", "id,price,currency\n3,1.00,EUR\n")
	consume()
	// Output:
	// monday.csv [id price] 2
	// unchanged: 0
	// tuesday.csv [id price currency] 1
	// unchanged: 1
}
