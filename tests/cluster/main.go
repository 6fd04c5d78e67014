// companion-cluster makes a single-node Kubernetes out of Go modules and a few Debian packages, with no container engine
// and no registry. In come a command and a cluster's name, out goes a running cluster and its kubeconfig; under another
// first argument the same binary is one of the cluster's own programs (etcd, apiserver, kubelet, ...).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const usage = `usage: companion-cluster COMMAND [--name NAME] [ARGUMENTS]

  up                 start the cluster, or do nothing if it runs; prints its kubeconfig
  load IMAGE.tar...  put images into the cluster that are not yet there
  status             say what runs; exit 1 if the cluster does not
  down               stop the cluster and remove all of it

--name (or COMPANION_CLUSTER, default "companion") tells clusters apart; several may run side by side.
The state is in $COMPANION_CACHE/cluster/NAME, by default under ~/.cache/companion.
`

// Longest time any command may take; a cluster that needs more is broken.
const commandDeadline = 3 * time.Minute

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if program, ok := programs[os.Args[1]]; ok {
		os.Args = os.Args[1:]
		os.Exit(program())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "companion-cluster:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, name string, arguments []string) error {
	switch name {
	case "help", "-h", "--help":
		fmt.Print(usage)
		return nil
	}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	clusterName := flags.String("name", envOr("COMPANION_CLUSTER", "companion"), "")
	if err := flags.Parse(arguments); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, usage)
	}
	c, err := newCluster(*clusterName)
	if _, unreadable := errors.AsType[unreadableError](err); err != nil && !(unreadable && name == "down") {
		return err
	}
	if name == "supervise" {
		return supervise(ctx, c)
	}
	ctx, cancel := context.WithTimeout(ctx, commandDeadline)
	defer cancel()
	switch name {
	case "up":
		return up(ctx, c)
	case "load":
		return load(ctx, c, flags.Args())
	case "status":
		return status(ctx, c)
	case "down":
		return down(ctx, c)
	}
	return fmt.Errorf("unknown command %q\n%s", name, usage)
}

func envOr(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
