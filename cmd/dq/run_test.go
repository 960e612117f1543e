package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// project makes a project of the example with some days in a temporary folder.
func project(t testing.TB, days ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := copyExample(dir, days); err != nil {
		t.Fatal(err)
	}
	return dir
}

func warehouse(project string) string { return filepath.Join(project, "warehouse") }

// TestOneDayAtATime holds the tables that come from one run over all days
// against those of one run a day. DQ_TEST_DAYS=all takes all 305 of them.
func TestOneDayAtATime(t *testing.T) {
	days := allDays(t)
	if os.Getenv("DQ_TEST_DAYS") != "all" {
		days = days[:12]
	}
	whole := project(t, days...)
	mustRun(t, whole)

	daily := project(t)
	before := map[string]int64{}
	began, cpu := time.Now(), processorTime()
	for _, d := range days {
		if err := addDays(daily, []string{d}); err != nil {
			t.Fatal(err)
		}
		mustRun(t, daily)
		after := versions(t, warehouse(daily))
		for name, v := range after {
			if was, ok := before[name]; ok && v > was+1 {
				t.Fatalf("%s: %s went from version %d to %d in one run", d, name, was, v)
			}
		}
		before = after
	}
	t.Logf("%d runs of one day, %.2f s a run, of the processor %.2f s", len(days),
		time.Since(began).Seconds()/float64(len(days)), (processorTime()-cpu).Seconds()/float64(len(days)))
	sameContents(t, contents(t, warehouse(daily)), contents(t, warehouse(whole)))
}

// TestAgain runs a second time, and with days that come late and in another order.
func TestAgain(t *testing.T) {
	days := allDays(t)[:6]
	whole := project(t, days...)
	mustRun(t, whole)
	want, before := contents(t, warehouse(whole)), versions(t, warehouse(whole))
	mustRun(t, whole)
	for name, v := range versions(t, warehouse(whole)) {
		if v != before[name] {
			t.Errorf("%s has a new version %d though nothing was new", name, v)
		}
	}
	late := project(t, days[0], days[2], days[5])
	mustRun(t, late)
	if err := addDays(late, []string{days[4]}); err != nil {
		t.Fatal(err)
	}
	mustRun(t, late)
	if err := addDays(late, []string{days[1], days[3]}); err != nil {
		t.Fatal(err)
	}
	mustRun(t, late)
	sameContents(t, contents(t, warehouse(late)), want)
}

// TestReadsOnlyWhatIsNew replaces the bytes of consumed files behind the
// program's back, keeping size and time: a run that read them would see it.
func TestReadsOnlyWhatIsNew(t *testing.T) {
	days := allDays(t)[:4]
	p := project(t, days[:3]...)
	mustRun(t, p)
	for _, d := range days[:3] {
		file := filepath.Join(p, "data", "online_retail", d+".csv.gz")
		fi, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, make([]byte, fi.Size()), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, fi.ModTime(), fi.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
	if err := addDays(p, days[3:]); err != nil {
		t.Fatal(err)
	}
	mustRun(t, p)
	whole := project(t, days...)
	mustRun(t, whole)
	sameContents(t, contents(t, warehouse(p)), contents(t, warehouse(whole)))
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	// Copies get new times; consumed files are known by theirs.
	err := filepath.Walk(from, func(path string, fi os.FileInfo, err error) error {
		if err != nil || fi.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		return os.Chtimes(filepath.Join(to, rel), fi.ModTime(), fi.ModTime())
	})
	if err != nil {
		t.Fatal(err)
	}
}
