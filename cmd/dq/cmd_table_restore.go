package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/delta"
)

// newest opens the table at a LOCATION for a command that changes it, or looks at
// all of its versions.
func newest(command, arg string) (*delta.Table, error) {
	path, _, err := splitVersion(arg)
	if err != nil {
		return nil, err
	}
	if path != arg {
		return nil, usagef("%s: %s works on the newest version: leave the version out: %s", arg, command, path)
	}
	where, err := openLocation(path)
	if err != nil {
		return nil, err
	}
	t := delta.Open(where.Store())
	t.Engine = "dq/" + version()
	return t, nil
}

// tableError tells mistakes of the caller from failures.
func tableError(path string, err error) error {
	switch {
	case errors.Is(err, delta.ErrNoTable), errors.Is(err, delta.ErrNoVersion), errors.Is(err, delta.ErrGone):
		return noTable(path, err)
	case errors.Is(err, delta.ErrInvalid), errors.Is(err, delta.ErrUnsupported):
		return usagef("%s: %w", path, err)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// restoredDoc is `dq table restore --format json`.
type restoredDoc struct {
	Version int64    `json:"version"`
	From    int64    `json:"from"`
	Added   int      `json:"files_added"`
	Removed int      `json:"files_removed"`
	Missing []string `json:"files_missing"`
}

func (a *app) tableRestore() *cobra.Command {
	var format string
	var opts delta.RestoreOptions
	cmd := &cobra.Command{
		Use:   "restore LOCATION@VERSION",
		Short: "Make a table what it was at a version or time, as a new version",
		Long: `restore brings back rows, columns and properties of an old version in a new one.
Nothing of the history is lost: a restore can itself be restored. Readers of
changes see the rows that come and go.`,
		Example: `  dq table restore warehouse/silver/orders@3
  dq table restore warehouse/silver/orders@2011-01-01T00:00:00Z --format json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			path, at, err := splitVersion(args[0])
			if err != nil {
				return err
			}
			if path == args[0] {
				return usagef("%s: say which version is to come back: %s@3, or a time in UTC: %s@2011-01-01T00:00:00Z; dq table history lists them", path, path, path)
			}
			t, err := newest("restore", path)
			if err != nil {
				return err
			}
			done, err := t.Restore(cmd.Context(), at, opts)
			if errors.Is(err, delta.ErrInvalid) && len(done.Missing) > 0 {
				return usagef("%s: %w (--ignore-missing)", path, err)
			}
			if err != nil {
				return tableError(path, err)
			}
			if format == "json" {
				return writeJSON(a.out, restoredDoc{done.Version, done.From, done.Added, done.Removed, notNil(done.Missing)})
			}
			if !a.quiet {
				fmt.Fprintf(a.out, "version %d is version %d again: %s came back, %d went\n", done.Version, done.From, count(done.Added, "file"), done.Removed)
			}
			for _, f := range done.Missing {
				fmt.Fprintf(a.out, "missing: %s\n", plain(f))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	cmd.Flags().BoolVar(&opts.IgnoreMissing, "ignore-missing", false, "restore what is left when files of the version were vacuumed; their rows are lost")
	return cmd
}

// vacuumedDoc is `dq table vacuum --format json`.
type vacuumedDoc struct {
	Deleted bool     `json:"deleted"` // false in a dry run
	Files   []string `json:"files"`
	Bytes   int64    `json:"bytes"`
}

func (a *app) tableVacuum() *cobra.Command {
	var format string
	var retain time.Duration
	var del, force bool
	cmd := &cobra.Command{
		Use:   "vacuum LOCATION",
		Short: "List the files that no version needs any more, and delete them with --delete",
		Long: `vacuum finds the files below a table that no reader needs: in no live file of the
newest version, and not removed or written within the retention (one week, or what
delta.deletedFileRetentionDuration says). It deletes them only with --delete.
Versions older than the retention can then no longer be read.`,
		Example: `  dq table vacuum warehouse/silver/orders
  dq table vacuum warehouse/silver/orders --delete
  dq table vacuum warehouse/silver/orders --retain 720h --delete`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			t, err := newest("vacuum", args[0])
			if err != nil {
				return err
			}
			opts := delta.VacuumOptions{Force: force, DryRun: !del}
			if cmd.Flags().Changed("retain") {
				opts.Retention = &retain
			}
			done, err := t.Vacuum(cmd.Context(), opts)
			if errors.Is(err, delta.ErrInvalid) && !force {
				return usagef("%s: %w (--force)", args[0], err)
			}
			if err != nil {
				return tableError(args[0], err)
			}
			doc := vacuumedDoc{Deleted: del, Files: []string{}, Bytes: done.Bytes}
			for _, f := range done.Files {
				doc.Files = append(doc.Files, f.Name)
			}
			if format == "json" {
				return writeJSON(a.out, doc)
			}
			for _, f := range doc.Files {
				fmt.Fprintln(a.out, plain(f))
			}
			if del {
				fmt.Fprintf(a.out, "%s deleted, %d bytes\n", count(len(doc.Files), "file"), doc.Bytes)
			} else {
				fmt.Fprintf(a.out, "%s to delete, %d bytes; --delete deletes them\n", count(len(doc.Files), "file"), doc.Bytes)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "text", "text or json")
	f.BoolVar(&del, "delete", false, "delete the files; without it they are only listed")
	f.DurationVar(&retain, "retain", 0, "keep files that were needed so long ago, such as 720h (default: the table's, one week)")
	f.BoolVar(&force, "force", false, "permit a retention below the table's; nothing else may be reading or writing then")
	return cmd
}
