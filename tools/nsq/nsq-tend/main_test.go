package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestOnlyOldBadFilesAreDeleted(t *testing.T) {
	directory := t.TempDir()
	now := time.Now()
	for name, age := range map[string]time.Duration{
		"user.a.diskqueue.000001.dat.bad": 2 * badAge,
		"user.a.diskqueue.000002.dat.bad": badAge / 2,
		"user.a.diskqueue.000003.dat":     2 * badAge,
	} {
		file := filepath.Join(directory, name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeBad(directory, now.Add(-badAge)); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(directory, "*"))
	if err != nil || len(left) != 2 || filepath.Base(left[0]) != "user.a.diskqueue.000002.dat.bad" {
		t.Fatal(left, err)
	}
}

func TestOnlyAnAnswerOf200IsHealthy(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		answer.WriteHeader(status)
	}))
	if err := healthy(server.URL); err != nil {
		t.Fatal(err)
	}
	status = http.StatusInternalServerError
	if healthy(server.URL) == nil {
		t.Fatal("an nsqd that is not well is healthy")
	}
	server.Close()
	if healthy(server.URL) == nil {
		t.Fatal("an nsqd that is gone is healthy")
	}
}
