package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// fsckDoc is `dq table fsck --format json`.
type fsckDoc struct {
	Version     int64         `json:"version"` // -1 when the table cannot be read
	Commits     int           `json:"commits"`
	Checkpoints int           `json:"checkpoints"`
	Files       int           `json:"files"`
	Vectors     int           `json:"deletion_vectors"`
	Problems    []fsckProblem `json:"problems"`
}

type fsckProblem struct {
	Category string `json:"category"`
	File     string `json:"file"`
	Problem  string `json:"problem"`
}

func (a *app) tableFsck() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "fsck LOCATION",
		Short: "Check that a table's log, files and deletion vectors are whole",
		Long: `fsck reads the whole log with its checkpoints and checksums, looks at each live
data file (is it there, and as large as the log says) and reads each deletion
vector. It changes nothing, and does not read the rows. It ends with code 1 when it
found a problem.`,
		Example: `  dq table fsck warehouse/silver/orders
  dq table fsck warehouse/silver/orders --format json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			t, err := newest("fsck", args[0])
			if err != nil {
				return err
			}
			found, err := t.Fsck(cmd.Context())
			if err != nil {
				return tableError(args[0], err)
			}
			doc := fsckDoc{Version: found.Version, Commits: found.Commits, Checkpoints: found.Checkpoints, Files: found.Files,
				Vectors: found.Vectors, Problems: []fsckProblem{}}
			for _, p := range found.Problems {
				doc.Problems = append(doc.Problems, fsckProblem{string(p.Category), p.File, p.Error()})
			}
			if format == "json" {
				if err := writeJSON(a.out, doc); err != nil {
					return err
				}
			} else {
				for _, p := range doc.Problems {
					fmt.Fprintln(a.out, plain(p.Problem))
				}
				fmt.Fprintf(a.out, "version %d: %s, %s\n", doc.Version, count(doc.Files, "file"), count(len(doc.Problems), "problem"))
			}
			if len(doc.Problems) > 0 {
				return &exitError{code: exitFound}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}
