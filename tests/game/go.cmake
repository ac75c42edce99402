foreach(test test_go test_go_life test_go_encode test_go_ladders)
    tg_test(game/${test} LINK tg::game)
endforeach()
tg_test(game/test_go_katago LINK tg::game tg_dep::cjson)
tg_test(game/test_go_gnugo LINK tg::game)
# These look inside the position.
foreach(test test_go test_go_life test_go_ladders)
    target_include_directories(game.${test} PRIVATE ${PROJECT_SOURCE_DIR}/src/game/go)
endforeach()

# Not a test: what a position costs.
add_executable(game.bench_go ${PROJECT_SOURCE_DIR}/benchmarks/bench_go.c)
target_link_libraries(game.bench_go PRIVATE tg::game)
