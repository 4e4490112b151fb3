// Package storetest opens real databases for tests: SQLite always, PostgreSQL
// when FILO_TEST_POSTGRES names one, and then a failure to connect is a failure.
package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"filo/internal/clock"
	"filo/internal/store"
)

// Start is the instant at which the clock of a test database stands.
var Start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

var count atomic.Int64

// Each runs f on every engine, each time on an empty database with a fake clock.
func Each(t *testing.T, f func(t *testing.T, db *store.DB, c *clock.Fake)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f2(t, SQLite(t), f) })
	if os.Getenv("FILO_TEST_POSTGRES") == "" {
		if os.Getenv("FILO_TEST_STRICT") != "" {
			t.Fatal("FILO_TEST_POSTGRES is not set: run the suite with make test")
		}
		return
	}
	t.Run("postgres", func(t *testing.T) { f2(t, Postgres(t), f) })
}

func f2(t *testing.T, source string, f func(*testing.T, *store.DB, *clock.Fake)) {
	t.Helper()
	c := clock.NewFake(Start)
	f(t, Open(t, source, c), c)
}

// Open opens a database and closes it when the test ends.
func Open(t testing.TB, source string, c clock.Clock) *store.DB {
	t.Helper()
	key, err := store.LoadSealer(filepath.Join(t.TempDir(), "seal.key"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(context.Background(), source, c, key)
	if err != nil {
		t.Fatalf("open %s: %v", source, err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// SQLite gives the address of a new file.
func SQLite(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "filo.db") }

// Postgres gives the address of a new, empty database on the test server, and
// drops it when the test ends.
func Postgres(t testing.TB) string {
	t.Helper()
	base := os.Getenv("FILO_TEST_POSTGRES")
	admin, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("filo_%d_%d", os.Getpid(), count.Add(1))
	if _, err := admin.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatalf("test PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
		admin.Close()
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}
