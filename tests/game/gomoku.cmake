tg_test(game/test_vertex LINK tg::game)
tg_test(game/test_gomoku LINK tg::game)
tg_test(game/test_gomoku_vectors LINK tg::game tg_dep::cjson)
tg_test(game/test_gomoku_oracle LINK tg::game)
target_sources(game.test_gomoku_oracle PRIVATE ${CMAKE_CURRENT_LIST_DIR}/gomoku_oracle.c)
tg_test(game/test_gomoku_encode LINK tg::game)

# Not a test: what a ply costs.
add_executable(game.bench_gomoku ${PROJECT_SOURCE_DIR}/benchmarks/bench_gomoku.c)
target_link_libraries(game.bench_gomoku PRIVATE tg::game)
