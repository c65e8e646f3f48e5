// The one program in the rig's own images: pod sandbox, and what a test asks about a pod.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// machine says what uname(2) says: qemu answers for an emulated process, as it does for Python's platform.machine().
func machine() string {
	var name syscall.Utsname
	if err := syscall.Uname(&name); err != nil {
		return err.Error()
	}
	text := []byte{}
	for _, character := range name.Machine {
		if character == 0 {
			break
		}
		text = append(text, byte(character))
	}
	return string(text)
}

// ask asks until there is an answer: a service reaches a pod some moments after the pod is ready.
func ask(url string) error {
	client := http.Client{Timeout: 2 * time.Second}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		answer, err := client.Get(url)
		if err == nil {
			defer answer.Body.Close()
			_, err = io.Copy(os.Stdout, answer.Body)
			return err
		}
		if time.Now().After(end) {
			return err
		}
	}
}

// endWhenAsked is needed by a container's first process: the kernel ignores what it does not handle, and so does qemu.
func endWhenAsked() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGINT, syscall.SIGTERM)
	<-asked
	os.Exit(0)
}

func run(command string, argument string) error {
	switch command {
	case "pause":
		select {}
	case "machine":
		fmt.Println(machine())
		return nil
	case "serve":
		answer := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, machine()) }
		return http.ListenAndServe(argument, http.HandlerFunc(answer))
	case "ask":
		return ask(argument)
	}
	return fmt.Errorf("usage: probe pause | machine | serve ADDRESS | ask URL")
}

func main() {
	go endWhenAsked()
	arguments := append(os.Args[1:], "", "")
	if err := run(arguments[0], arguments[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
