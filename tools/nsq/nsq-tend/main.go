// Command nsq-tend does what an image without a shell needs beside nsqd:
//
//	nsq-tend healthy URL      exits with 0 if URL answers 200
//	nsq-tend queues DIR...    deletes *.bad files that nsqd left in its queues, until SIGTERM
//	nsq-tend present DIR...   exits with 0 if each directory can be read
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// Below the timeout of the health checks, so that the reason is printed.
	answerTime = 3 * time.Second
	// nsqd renames a file to *.bad while it still looks at it.
	badAge   = time.Hour
	badSweep = 5 * time.Minute
)

func main() {
	err := errors.New("usage: nsq-tend healthy URL | queues DIR... | present DIR...")
	switch {
	case len(os.Args) == 3 && os.Args[1] == "healthy":
		err = healthy(os.Args[2])
	case len(os.Args) > 2 && os.Args[1] == "queues":
		err = tend(os.Args[2:])
	case len(os.Args) > 2 && os.Args[1] == "present":
		err = present(os.Args[2:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "nsq-tend:", err)
		os.Exit(1)
	}
}

// healthy fails unless a GET of the URL answers 200 in time.
func healthy(url string) error {
	client := http.Client{Timeout: answerTime}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, answer.Status)
	}
	return nil
}

// present fails unless each directory can be read.
func present(directories []string) error {
	for _, directory := range directories {
		if _, err := os.ReadDir(directory); err != nil {
			return err
		}
	}
	return nil
}

// tend deletes the *.bad files of the directories until the process is told to stop. They hold
// messages that were delivered, and nsqd never deletes them: github.com/nsqio/go-diskqueue/issues/42.
func tend(directories []string) error {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	sweep := time.NewTicker(badSweep)
	defer sweep.Stop()
	for {
		for _, directory := range directories {
			if err := removeBad(directory, time.Now().Add(-badAge)); err != nil {
				return err
			}
		}
		select {
		case <-stop.Done():
			return nil
		case <-sweep.C:
		}
	}
}

// removeBad deletes the *.bad files that were last written before the given time.
func removeBad(directory string, before time.Time) error {
	// Glob finds nothing where it may not look, and says nothing.
	if err := present([]string{directory}); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(directory, "*.bad"))
	if err != nil {
		return err
	}
	for _, file := range files {
		about, err := os.Stat(file)
		if err == nil && about.ModTime().Before(before) {
			err = os.Remove(file)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
